"""`corekit timings`: what importing each plugin costs. Imports plugins in child processes only, and torch there too."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from typing import Any

import click

from corekit.cli import distributions, options
from corekit.cli.import_cost import Cost, import_cost
from corekit.cli.listing import WIDTH
from corekit.errors import UnknownNameError
from corekit.registry import Component, registry
from corekit.registry.component import LOCAL


@click.command(
    short_help="Measure what importing each plugin costs.",
    epilog="Example: corekit timings    or, one plugin: corekit timings corekit-layers-basic",
)
@click.argument("names", nargs=-1, metavar="[DISTRIBUTION]...")
@options.kind
@click.option("--repeat", type=click.IntRange(min=1), default=3, show_default=True, help="Take the median of so many.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="End a measurement after this time, the import of torch included.",
)
@options.as_json
def timings(names: tuple[str, ...], kind: str | None, repeat: int, timeout: float, as_json: bool) -> None:
    """Import the components of each plugin, or of those that are named, and show what it cost, the slowest first.

    Each measurement is a process of its own, which imports torch and corekit before the clock starts. Shown are
    milliseconds, modules that were pulled in, and megabytes of memory. What a plugin adds by a hook is not measured.

    Exit code 1 if a plugin could not be imported: it failed, crashed, or took too long.
    """
    by_distribution = _components(names, kind)
    rows = [_row(name, mine, repeat, timeout) for name, mine in by_distribution.items()]
    rows.sort(key=lambda row: math.inf if row["ms"] is None else row["ms"], reverse=True)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        _print_table(rows)
    else:
        click.echo(f"No {kind or 'plugins'} are installed.")
    if any(row["status"] == "broken" for row in rows):
        sys.exit(1)


def _components(names: tuple[str, ...], kind: str | None) -> dict[str, list[Component]]:
    """Return the components to measure, by distribution."""
    wanted = distributions.named(names, distributions.installed())
    found: dict[str, list[Component]] = {name: [] for name in wanted}
    for component in registry.components(kind):
        if component.distribution != LOCAL and (not wanted or component.distribution in wanted):
            found.setdefault(component.distribution, []).append(component)
    for name, mine in found.items():
        if not mine:
            raise UnknownNameError(f"{name} is installed, but has no {kind or 'components'} to import.")
    return found


def _row(name: str, components: list[Component], repeat: int, timeout: float) -> dict[str, Any]:
    usable = [component for component in components if registry.refusal(component) is None]
    if not usable:
        status, cost = "disabled", Cost(error=registry.refusal(components[0]) or "")
    elif lack := registry.lack(name):
        status, cost = "broken", Cost(error=lack)
    else:
        targets = sorted({target for component in usable for target in component.targets.values()})
        click.echo(f"measuring {name}", err=True)
        cost = import_cost(targets, repeat=repeat, timeout=timeout)
        status = "broken" if cost.error else "ok"
    return {"distribution": name, "version": components[0].version, "status": status, **dataclasses.asdict(cost)}


def _print_table(rows: list[dict[str, Any]]) -> None:
    # rich costs more start-up than all else here, and only this needs it
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim")
    table.add_column("distribution", min_width=max(len(row["distribution"]) for row in rows))
    table.add_column("version")
    for heading in ("ms", "modules", "MB"):
        table.add_column(heading, justify="right")
    table.add_column("status", overflow="fold")
    for row in rows:
        numbers = [_number(row["ms"], 1), _number(row["modules"], 0), _number(row["megabytes"], 1)]
        status = f"{row['status']}: {row['error']}" if row["error"] else row["status"]
        # Text, not str: a stranger's message must not be read as markup
        table.add_row(*map(Text, (row["distribution"], row["version"], *numbers, status)))
    Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False).print(table)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
