"""`corekit sync FILE`: what a model file needs and is not here, where it could come from, and, after a yes, pip.

Nothing is installed for a file's sake alone. See `corekit.cli.sources` for what is on offer.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from corekit import __version__
from corekit.cli import installer
from corekit.cli.needs import Need, needs, shown, unused
from corekit.cli.sources import Source, check_trust, sources
from corekit.registry import grammar, locking, registry, requirements
from corekit.registry.component import canonical

LOCK = "corekit.lock"
SHOWN = 5  # of a list of the file's
MOST_TOLD = 50  # distributions; a stranger could name thousands


@dataclass(frozen=True)
class Request:
    """What the command line asks for.

    Args:
        file: the model file.
        lock: the lock file's path; "" without one.
        trust: names that the user vouches for.
        find_links: a folder of wheels in the index's place.
        may_install: False to only tell.
        yes: whether the question for what is trusted is answered.
        as_json: for programs; nothing is asked.
    """

    file: Path
    lock: str
    trust: tuple[str, ...] = ()
    find_links: str | None = None
    may_install: bool = True
    yes: bool = False
    as_json: bool = False


def sync_file(request: Request) -> int:
    """Tell what a file needs, install what the user says yes to, and return the exit code."""
    from corekit.saving import shards  # only who has a file pays for it

    metadata = shards.verified(request.file).metadata
    locked = {entry.name: entry for entry in locking.read(request.lock)} if request.lock else {}
    trust = frozenset(map(canonical, request.trust))
    needed = needs(metadata)
    check_trust(trust, needed)

    def ask(name: str, pre: bool) -> installer.Answer:
        return installer.ask(name, request.find_links, pre=pre)

    found = sources(needed, locked, request.lock, trust, ask)
    if not request.as_json:
        click.echo("\n".join(_told(request, needed, found, unused(metadata, needed))))
    chosen = _chosen(request, found) if request.may_install else []
    failed = _install(request, chosen, locked) if chosen else False
    drifts: list[locking.Drift] = []
    if chosen:
        registry.refresh()
        needed = needs(metadata)
        taken = {one.need.word for one in chosen if one.place == "lock"}
        mine = [one for one in locking.installed() if one.entry.name in taken]
        drifts = locking.compare([locked[name] for name in sorted(taken)], mine)
    unmet = [need for need in needed if not need.is_met]
    if request.as_json:
        click.echo(json.dumps(_data(request, needed, found, chosen, drifts), indent=2))
    elif chosen:
        click.echo("\n".join(["", *_after(unmet, drifts)]))
    return 1 if unmet or failed or drifts else 0


def _chosen(request: Request, found: Sequence[Source]) -> list[Source]:
    """Return what the user wants of what is on offer."""
    trusted = [one for one in found if one.pin and one.trusted]
    if request.yes or request.as_json or not _is_at_a_terminal():
        return trusted if request.yes else []
    chosen = []
    if trusted and click.confirm(f"\nInstall {', '.join(one.pin for one in trusted)}?", err=True):
        chosen += trusted
    left = {one.need.word: one for one in found if one.pin and not one.trusted}
    while left:
        question = "\nType the name of a distribution that you know and want of those not verified, or nothing"
        name = click.prompt(question, default="", show_default=False, err=True).strip()
        if not name:
            break
        if name in left:
            chosen.append(left.pop(name))
        else:
            click.echo(f'There is no "{shown(name)}" among them: names are compared letter by letter.', err=True)
    return chosen


def _is_at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _install(request: Request, chosen: Sequence[Source], locked: Mapping[str, locking.Entry]) -> bool:
    """Let pip install; return whether it failed. What is here and was not asked for keeps its version."""
    here = {"corekit": __version__} | requirements.installed()  # which may be run from a folder, without metadata
    here.pop(requirements.PYTHON)
    kept = {name: entry.version for name, entry in locked.items() if not entry.editable} | here
    for one in chosen:
        kept.pop(one.need.word, None)
    pins = [f"{name}=={grammar.version(word)}" for name, word in kept.items() if grammar.version(word)]
    with tempfile.TemporaryDirectory(prefix="corekit-sync-") as folder:
        path = os.path.join(folder, "kept.txt")
        Path(path).write_text("".join(f"{pin}\n" for pin in sorted(pins) if _is_pin(pin)), encoding="ascii")
        return installer.run(["install", "--constraint", path, *(one.pin for one in chosen)], request.find_links) != 0


def _is_pin(pin: str) -> bool:
    return re.fullmatch(r"[a-z0-9-]+==\S+", pin) is not None


def _told(request: Request, needed: Sequence[Need], found: Sequence[Source], idle: Sequence[str]) -> list[str]:
    count = f"{len(needed)} distribution{'' if len(needed) == 1 else 's'}"
    lines = [f"{request.file} names parts of {count}; what follows is its own word."]
    told = {one.need.word: one for one in found}
    on_offer = [need for need in needed if need.word in told and told[need.word].pin]
    rest = [need for need in needed if need not in on_offer]
    for need in [*on_offer, *rest[:MOST_TOLD]]:
        lines += [f"  {_name(need)}: {_state(need)}"]
        if one := told.get(need.word):
            lines += [f"    {line}" for line in one.told]
    if len(rest) > MOST_TOLD:
        lines += [f"  ... and {len(rest) - MOST_TOLD:,} more, of which none is on offer: --json lists them."]
    if idle:
        lines += [f"  It also lists {_some(idle)}, of which it uses nothing: not needed."]
    if any(one.pin and one.trusted for one in found):
        lines += [_line(request, "To install what is known:", "--yes")]
    if any(one.pin and not one.trusted for one in found):
        lines += [_line(request, "To install what you know of the rest:", "--yes --trust NAME")]
    return lines


def _line(request: Request, what: str, options: str) -> str:
    words = ["corekit", "sync", str(request.file)]
    words += ["--lock", request.lock] if request.lock not in ("", LOCK) else []
    words += ["--find-links", request.find_links] if request.find_links else []
    return f"  {what}  {shlex.join(words)} {options}"


def _name(need: Need) -> str:
    if not need.named:
        return f'"{shown(need.word)}"'
    return f"{need.word} {need.saved}".rstrip()


def _state(need: Need) -> str:
    """Return how a distribution stands, as a part of a sentence."""
    absent = _some([f"{part.kind} {part.id}" for part in need.absent])
    have = need.installed or "of an unknown version"
    match need.state:
        case "here":
            return "here."
        case "other version":
            return f"{have} is here, and all that the file names of it."
        case "missing":
            return f"not here ({absent})."
        case "part missing":
            return f"{have} is here, without {absent}."
        case state:
            return f"{state} ({absent})."


def _some(words: Sequence[str]) -> str:
    more = len(words) - SHOWN
    return ", ".join(map(shown, words[:SHOWN])) + (f" and {more} more" if more > 0 else "")


def _after(unmet: Sequence[Need], drifts: Sequence[locking.Drift]) -> list[str]:
    lines = [] if unmet else ["All that the file names is here now."]
    if unmet:
        lines = ["Still not here:", *(f"  {_name(need)}: {_state(need)}" for need in unmet[:MOST_TOLD])]
        lines += ["  ..."] if len(unmet) > MOST_TOLD else []
    for drift in drifts:
        lines += [f"  {drift.message}", f"    {drift.repair}"]
    return lines


def _data(
    request: Request,
    needed: Sequence[Need],
    found: Sequence[Source],
    chosen: Collection[Source],
    drifts: Sequence[locking.Drift],
) -> dict[str, Any]:
    told = {one.need.word: one for one in found}
    rows = []
    for need in needed:
        one = told.get(need.word, Source(need))
        absent = [{"kind": shown(part.kind), "id": shown(part.id), "state": part.state} for part in need.absent]
        rows.append({
            "distribution": shown(need.word), "version": need.saved, "installed": need.installed or "",
            "state": need.state, "absent": absent, "source": one.place, "offer": one.pin, "trusted": one.trusted,
            "index": list(one.versions[:1]), "told": list(one.told),
        })  # fmt: skip
    return {
        "file": str(request.file),
        "lock": request.lock,
        "complete": all(need.is_met for need in needed),
        "needs": rows,
        "asked_of_pip": [one.pin for one in chosen],
        "drift": [drift.message for drift in drifts],
    }
