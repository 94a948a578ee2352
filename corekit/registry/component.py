"""A component as data: which kind it is, what it is called, who ships it, where its code is.

Nothing here imports a plugin until `Component.load` is called.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

from corekit.errors import ArgumentError, BrokenPluginError

KINDS = (
    "layers",
    "optimizers",
    "losses",
    "metrics",
    "ops",
    "activations",
    "initializers",
    "regularizers",
    "constraints",
    "schedules",
    "callbacks",
)

LOCAL = "local"
"""The distribution name of classes that the user's own program registers."""


def check_kind(kind: str) -> None:
    """Raise where there is no such kind of component.

    Raises:
        ArgumentError: it is none of `KINDS`.
    """
    if kind not in KINDS:
        raise ArgumentError(f'there is no kind of component called "{kind}". The kinds: {", ".join(KINDS)}.')


def singular(kind: str) -> str:
    """Return the word for one component of a kind, as messages use it."""
    return {"losses": "loss"}.get(kind, kind[:-1])


def fold(name: str) -> str:
    """Return `name` as string look-up compares it: blind to case and underscores."""
    return name.replace("_", "").casefold()


def canonical(distribution: str) -> str:
    """Return a distribution's name as PEP 503 writes it."""
    folded = distribution.lower()
    for separator in "_.":
        folded = folded.replace(separator, "-")
    while "--" in folded:
        folded = folded.replace("--", "-")
    return folded


def spelled(name: str) -> str:
    """Return a bare name as it is, and an id with its distribution in the canonical form.

    Example:
        >>> spelled("My_Norms:RMSNorm")
        'my-norms:RMSNorm'
    """
    distribution, colon, bare = name.rpartition(":")
    return f"{canonical(distribution)}{colon}{bare}"


class Component:
    """One named part of one distribution; not to be changed.

    Args:
        kind: one of `KINDS`.
        name: the class's (or function's) own name; files store it.
        distribution: canonical name of the distribution that ships it, or "local".
        version: that distribution's version; "" for local ones.
        targets: every name it answers to -> "module:attribute", its own name included.
        value: the object itself where it was handed over in code (hooks, `corekit.register`).
        old: those of its names that it had once; they still work, and looking one up says what it is called now.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        distribution: str,
        version: str,
        targets: dict[str, str] | None = None,
        value: Any = None,
        old: Sequence[str] = (),
    ) -> None:
        self.kind, self.name, self.distribution, self.version = kind, name, distribution, version
        self.targets, self.value, self.old = {} if targets is None else targets, value, tuple(old)

    @property
    def id(self) -> str:
        """The name nobody else can have: `distribution:Name`."""
        return f"{self.distribution}:{self.name}"

    @property
    def keys(self) -> list[str]:
        """Kind and folded name, for each name it answers to: what look-ups compare."""
        return [f"{self.kind}:{name}" for name in {fold(name): None for name in self.targets}]

    def plain(self) -> list[Any]:
        """Return the arguments that it was made of, but for the object itself."""
        return [self.kind, self.name, self.distribution, self.version, self.targets, None, list(self.old)]

    @property
    def aliases(self) -> tuple[str, ...]:
        """The further names it answers to."""
        return tuple(sorted(name for name in self.targets if name != self.name and name not in self.old))

    def was_called(self, name: str) -> bool:
        """Return whether a name, as somebody spells it, is one that it had once."""
        return name not in (self.name, *self.aliases) and fold(name) in map(fold, self.old)

    def load(self, name: str | None = None) -> Any:
        """Import the component's module and return the object.

        Args:
            name: one of its names; a function and its class are one component with two targets.
                Default: the component's own name.

        Raises:
            BrokenPluginError: importing failed; the plugin's own error is the cause.
        """
        if self.value is not None:
            return self.value
        target = self.targets[name or self.name]
        module_name, _, attribute = target.partition(":")
        try:
            value: Any = importlib.import_module(module_name)
            for part in attribute.split("."):
                value = getattr(value, part)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin that calls sys.exit() at import must not end the program
            raise BrokenPluginError(
                f'{singular(self.kind)} "{self.id}" (version {self.version}) could not be loaded '
                f"({described(error)}).\n"
                f'  Its code is "{target}". Every other plugin still works.\n'
                f"  Repair it (pip install --force-reinstall {self.distribution}) or remove it "
                f"(pip uninstall {self.distribution})."
            ) from error
        return value

    def __repr__(self) -> str:
        return f"<{self.kind} {self.id} {self.version}>".replace(" >", ">")


def described(error: BaseException | None) -> str:
    """Return an error as a part of a sentence: its class, and its words on one line where it has any."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def may_be(value: Any, name: str, target: str) -> bool:
    """Return whether an entry may be `value`, judged without an import: by names, and by what is imported already."""
    module, _, attribute = target.partition(":")
    if getattr(value, "__name__", None) not in (name, attribute.rpartition(".")[2]):
        return False
    home = _home(str(getattr(value, "__module__", "")))
    imported = getattr(sys.modules.get(module), "__dict__", {})
    return f"{module}.".startswith(f"{home}.") or attribute.partition(".")[0] in imported


def _home(module: str) -> str:
    """Return the outermost package of a module that has a file; strangers may share those without (namespaces)."""
    parts = module.split(".")
    prefixes = (".".join(parts[:end]) for end in range(1, len(parts)))
    return next((p for p in prefixes if getattr(sys.modules.get(p), "__file__", None)), module)
