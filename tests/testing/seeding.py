"""How the files of seeded faults note what must be caught, and by which check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Seed(NamedTuple):
    """A class or function that is right but for one thing, the check that must catch it, and a word of the message."""

    value: Any
    check: str
    word: str

    def __str__(self) -> str:
        return f"{self.check}-{self.value.__name__}"


class Seeds(list[Seed]):
    """The seeds of a file, and the decorator that sows them: `@fault(check, word)` above each."""

    def __call__(self, check: str, word: str) -> Callable[[Any], Any]:
        def keep(value: Any) -> Any:
            self.append(Seed(value, check, word))
            return value

        return keep


class SeedsOfKinds(list[tuple[Any, str, str, str]]):
    """The seeds of a file on several kinds: `@fault(kind, check, word)` above each."""

    def __call__(self, kind: str, check: str, word: str) -> Callable[[Any], Any]:
        def keep(value: Any) -> Any:
            self.append((value, kind, check, word))
            return value

        return keep
