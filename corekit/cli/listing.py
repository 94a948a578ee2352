"""`corekit list`: what is installed, by distribution. Reads metadata only: imports no plugin and no torch."""

from __future__ import annotations

import itertools
import json
import sys
from typing import Any

import click

from corekit.cli import options
from corekit.registry import KINDS, Component, record, registry
from corekit.registry.messages import inventory

WIDTH = 120
"""Columns where the output is no terminal, which has a width of its own."""


@click.command(name="list", short_help="List what is installed.", epilog="Example: corekit list --kind layers")
@options.kind
@options.as_json
def listing(kind: str | None, as_json: bool) -> None:
    """List the installed components by distribution, and what is wrong with any of them.

    No plugin is imported. Plugins whose hooks may add more at run time are named; their hooks are not loaded. What only
    an import can tell, "broken" and how long it takes, is what `corekit doctor` saw last; "-" where it never looked.
    The tier is what `corekit check` found last of this version.
    """
    components = registry.components(kind)
    if as_json:
        click.echo(_as_lines(_report(components)))
        return
    if components:
        _print_tables(components)
    else:
        click.echo("\n".join(inventory(registry, one) for one in ([kind] if kind else KINDS)))
    for distribution in registry.pending_hooks():
        click.echo(f"\n{distribution} may add more by a hook (not loaded).")
    problems = registry.problems()
    if problems:
        click.echo(f"\n{len(problems)} problem{'s' if len(problems) > 1 else ''}:")
        click.echo("\n".join(f"  {problem}" for problem in problems))


def as_data(component: Component) -> dict[str, Any]:
    """Return a component as JSON-ready data."""
    return {
        "id": component.id,
        "kind": component.kind,
        "name": component.name,
        "aliases": list(component.aliases),
        "renamed_from": list(component.old),
        "distribution": component.distribution,
        "version": component.version,
        "target": component.targets[component.name],
        "status": registry.status(component)[0],
        "import_ms": record.seen(component.distribution, component.version).get("ms"),
        "tier": tier_of(component),
    }


def tier_of(component: Component) -> str | None:
    """Return the tier that `corekit check` found; None where it did not run."""
    rows = record.card(component.distribution, component.version).get("components", ())
    return next((row["tier"] for row in rows if (row["kind"], row["id"]) == (component.kind, component.id)), None)


def _report(components: list[Component]) -> dict[str, list[Any]]:
    return {
        "components": [as_data(component) for component in components],
        "may_add_more": registry.pending_hooks(),
        "problems": [
            {"distribution": problem.distribution, "version": problem.version, "message": problem.message}
            for problem in registry.problems()
        ],
    }


def _as_lines(report: dict[str, list[Any]]) -> str:
    """Return JSON with a line for each item; `indent` would have Python write it, at the cost of several imports."""
    lists = (f'"{key}": [\n' + ",\n".join(map(json.dumps, items)) + "\n]" for key, items in report.items())
    return "{" + ",\n".join(lists) + "}"


def _print_tables(components: list[Component]) -> None:
    # rich costs more start-up than all else here, and only this needs it
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    widths = {
        "kind": max(map(len, KINDS)),
        "name": max(len(component.name) for component in components),
        "status": 8,
        "tier": 8,
    }
    by_distribution = sorted(components, key=lambda c: (c.distribution, KINDS.index(c.kind), c.name))
    for (distribution, version), group in itertools.groupby(by_distribution, lambda c: (c.distribution, c.version)):
        table = Table(title=Text(f"{distribution} {version}"), title_justify="left", box=None, header_style="dim")
        for heading in ("kind", "name", "status", "import", "tier", "aliases"):
            table.add_column(heading, min_width=widths.get(heading), overflow="fold")
        for component in group:
            # Text, not str: a stranger's name must not be read as markup
            ms = record.seen(component.distribution, component.version).get("ms")
            took = "-" if ms is None else f"{ms:.0f} ms"
            status, tier = registry.status(component)[0], tier_of(component) or "-"
            row = (component.kind, component.name, status, took, tier, ", ".join(component.aliases))
            table.add_row(*map(Text, row))
        console.print(table)
