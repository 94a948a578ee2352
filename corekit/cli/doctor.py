"""`corekit doctor`: looks at every plugin, at its code in a process of its own, and says what ails it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

import click

from corekit.cli import options
from corekit.cli.diagnosis import Diagnosis, diagnose, stale_copies
from corekit.cli.distributions import named
from corekit.registry import index, looking, record, registry
from corekit.registry.environment import search_path
from corekit.registry.looking import Found


@click.command(short_help="Say what ails installed plugins.", epilog="Example: corekit doctor --timeout 60")
@click.argument("distributions", nargs=-1)
@click.option("--timeout", default=30.0, show_default=True, help="Seconds that the imports of one plugin may take.")
@click.option("--fix", is_flag=True, help="Repair what can be repaired without a reinstallation.")
@click.option("--dry-run", is_flag=True, help="With --fix: only say what would be done.")
@options.as_json
def doctor(distributions: tuple[str, ...], timeout: float, fix: bool, dry_run: bool, as_json: bool) -> None:
    """Look at plugins, default all: metadata, files, requirements, names, and what importing them does.

    Each is imported in a process of its own with a time limit, so one that crashes, hangs or exits harms nothing. What
    is found is remembered, and `corekit list` shows it. The index of what is installed is made anew.

    --fix removes doubled metadata that Python does not use, and notes that ended processes left. Nothing else is
    changed: for all other findings the remedy is printed.

    Exit code 1 if anything is wrong.
    """
    scanned = index.fresh()
    registry.refresh()
    known = scanned.needs.keys() | {problem.distribution for problem in registry.problems()}
    chosen = sorted({*named(distributions, known)} or known)
    places = {one.name: one for one in looking.look(search_path()).plugins}
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        seen = list(pool.map(lambda name: diagnose(name, places.get(name), timeout), chosen))
    record.keep({one.distribution: _remembered(one) for one in seen})
    suspects = record.suspects()
    repairs = _repairs([places[name] for name in chosen if name in places], suspects, dry_run) if fix else []
    if as_json:
        report = {"plugins": [one._asdict() for one in seen], "ended_processes": suspects, "repairs": repairs}
        click.echo(json.dumps(report, indent=2))
    else:
        click.echo("\n".join([*map(_written, seen), *map(_accused, suspects), *repairs]))
    if suspects or any(one.verdict not in ("ok", "disabled") for one in seen):
        sys.exit(1)


def _remembered(one: Diagnosis) -> record.Seen:
    message = " ".join(one.findings)
    return {"version": one.version, "verdict": one.verdict, "message": message, "ms": one.ms, "broken": one.broken}


def _repairs(chosen: list[Found], suspects: list[str], dry_run: bool) -> list[str]:
    """Repair what can be; return what was done, or would be, a line each."""
    verb, done = "would remove" if dry_run else "removed", []
    for copy in (copy for one in chosen for copy in stale_copies(one)):
        if not dry_run:
            shutil.rmtree(copy)
        done.append(f"{verb} {copy}: metadata of another version, which Python does not use")
    if suspects:
        if not dry_run:
            record.forget_suspects()
        done.append(f"{verb} the notes of {len(suspects)} ended process{'es' if len(suspects) > 1 else ''}")
    if done and not dry_run:
        index.fresh()
        registry.refresh()
    return done


def _written(one: Diagnosis) -> str:
    took = "" if one.ms is None else f"  ({one.ms:.0f} ms)"
    lines = [f"{one.verdict:<13}{one.distribution} {one.version}".rstrip() + took]
    lines += [f"             {finding}" for finding in one.findings]
    if one.verdict in ("broken", "warning"):
        lines.append(f"             Switch it off:  COREKIT_DISABLE={one.distribution}")
    return "\n".join(lines)


def _accused(suspect: str) -> str:
    return f"suspect      {suspect}: it was being imported when a process ended."
