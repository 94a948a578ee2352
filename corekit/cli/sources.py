"""Where a distribution that a model file needs could come from: the user's own lock file, or the user's own index.

A file proves nothing by a name, nor by a version. So a name counts as known only if the lock has it, if it is one of
the standard distributions, or if the user says so; and unless the user says so, no version is taken for the file's
sake: a stranger could ask for an old one, whose faults are known.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from corekit import __version__
from corekit.cli import switches
from corekit.cli.installer import Answer
from corekit.cli.needs import Need, shown
from corekit.errors import ArgumentError
from corekit.registry import grammar, locking, registry
from corekit.registry.component import LOCAL
from corekit.registry.standard import STANDARD

MOST_ASKED = 20
"""Names that only a file vouches for and that the index is asked for: it could list thousands."""

Ask = Callable[[str, bool], Answer]
"""What the index has of a name, with versions before a final one or without."""


@dataclass(frozen=True)
class Source:
    """Where one distribution could come from.

    Args:
        need: what the file needs of it.
        place: "lock" or "index"; "" where it could come from nowhere.
        pin: what pip would be asked for; "" where nothing is on offer.
        trusted: whether a yes is enough; else the user has to name it.
        told: sentences for people.
        versions: which the index has, the newest first.
    """

    need: Need
    place: str = ""
    pin: str = ""
    trusted: bool = False
    told: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()


def check_trust(trust: Iterable[str], needed: Sequence[Need]) -> None:
    """Refuse a name that the file does not need: what looks like it in the file is something else.

    Raises:
        ArgumentError: it says what the file needs.
    """
    names = sorted(need.word for need in needed if need.named)
    for name in trust:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            some = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            what = f"It asks for {near[0]}, which is another" if near else f"It asks for {some or 'none'}"
            raise ArgumentError(
                f'--trust "{shown(name)}": the file asks for no such distribution, and nothing was installed.\n'
                f"  {what}; names are compared letter by letter."
            )


def sources(
    needed: Iterable[Need], locked: Mapping[str, locking.Entry], lock: str, trust: Collection[str], ask: Ask
) -> list[Source]:
    """Return, for each distribution that is not here as the file was saved with it, where it could come from.

    Args:
        needed: what the file needs.
        locked: the lock file's entries by name; {} without one.
        lock: the lock file's path, to be shown.
        trust: names that the user vouches for.
        ask: the index.
    """
    found, asked, failure = [], 0, ""
    for need in needed:
        if need.state == "here":
            continue
        if not need.named or need.state not in ("missing", "part missing", "other version"):
            found.append(Source(need, told=_without(need)))
        elif lines := switches.remedies(need.word):
            told = ("Nothing is on offer, since it would be switched off. To allow it:", *lines)
            found.append(Source(need, told=told))
        elif need.word in locked:
            found.append(_of_lock(need, locked[need.word], lock))
        elif failure:
            found.append(Source(need, told=(*_marks(need, trust), "Your index was not asked again.")))
        elif asked == MOST_ASKED and need.word not in STANDARD and need.word not in trust:
            limit = f"Your index was not asked: the file needs more than {MOST_ASKED} that nobody else vouches for."
            found.append(Source(need, told=(*_marks(need, trust), limit)))
        else:
            asked += need.word not in STANDARD and need.word not in trust
            answer = ask(need.word, _is_early(need.saved))
            failure = answer.failure
            found.append(_of_index(need, answer, trust))
    return found


def _without(need: Need) -> tuple[str, ...]:
    """Say what helps where nothing can be installed."""
    if need.word == LOCAL:
        return ("There is nothing to install: import the program that registers it, before you load the file.",)
    if not need.named:
        return ("That is not the name of a distribution, so nothing is asked for and nothing is on offer.",)
    if need.state == "disabled":
        remedies = [line for part in need.absent for line in switches.remedies(need.word, part.id)]
        return ("It is installed, and nothing was changed. To allow it:", *dict.fromkeys(remedies))
    return tuple(dict.fromkeys(part.why for part in need.absent if part.why))


def _of_lock(need: Need, entry: locking.Entry, lock: str) -> Source:
    differs = need.saved and not grammar.same(entry.version, need.saved)
    saved = f" The file was saved with {need.saved}." if differs else ""
    if need.installed is not None and grammar.same(entry.version, need.installed):
        return Source(need, "lock", told=(f"{lock} has it in the version that is here, which stays.{saved}",))
    if entry.editable:
        line = f"{locking.EDITABLE} FOLDER_OF_{need.word}"
        return Source(need, "lock", told=(f"{lock} has {entry.version}, from a folder that somebody works on:", line))
    return Source(need, "lock", entry.pin, True, (f"{lock} has {entry.version}.{saved}",))


def _of_index(need: Need, answer: Answer, trust: Collection[str]) -> Source:
    marks = _marks(need, trust)
    if answer.failure:
        return Source(need, told=(*marks, f"Your index could not be asked: {shown(answer.failure)}."))
    versions = tuple(answer.versions)
    if not versions:
        return Source(need, told=(*marks, f"Your index has no {need.word} for this Python and platform."))
    exact = next((one for one in versions if grammar.same(one, need.saved)), "")
    has = f"Your index has {exact or versions[0]}"
    has += f", and up to {versions[0]}." if exact and exact != versions[0] else "."
    if need.saved and not exact:
        has = f"Your index has {versions[0]}, and not the {need.saved} that the file was saved with."
    told = (*marks, has)
    if need.word in trust:
        pin = f"{need.word}=={exact or versions[0]}"
        wanted = need.installed is None or (exact and not grammar.same(exact, need.installed))
        return Source(need, "index", pin if wanted else "", True, told, versions)
    if need.state != "missing":  # it is here, and no stranger's word changes its version
        other = exact and not grammar.same(exact, need.installed or "")
        line = (f"To have that:  corekit sync FILE --trust {need.word}",) if other else ()
        return Source(need, "index", told=(*told, *line), versions=versions)
    if need.word in STANDARD:
        fits = f"pip takes the newest that fits corekit {__version__}."
        return Source(need, "index", need.word, True, (*told, fits), versions)
    return Source(need, "index", f"{need.word}=={exact or versions[0]}", False, told, versions)


def _marks(need: Need, trust: Collection[str]) -> tuple[str, ...]:
    """Say who vouches for a name that is not in the lock."""
    if need.word in STANDARD:
        return ("It is one of corekit's standard distributions.",)
    if need.word in trust:
        return ("Named by the file; you vouch for it.",)
    if need.installed is not None:
        hooks = need.state == "part missing" and need.word in registry.pending_hooks()
        return ("Its hook modules may add more when they run; none was run.",) if hooks else ()
    near = difflib.get_close_matches(need.word, STANDARD, n=1, cutoff=0.85)
    lure = (f"It is not {near[0]}, which it looks like.",) if near else ()
    return ("Named by the file, not verified.", *lure)


def _is_early(version: str) -> bool:
    """Return whether a version comes before a final one, so that an index shows it only when asked."""
    return any(letter in version.partition("+")[0] for letter in ("a", "b", "rc", "dev"))
