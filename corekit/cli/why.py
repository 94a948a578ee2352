"""`corekit why NAME`: what a name means and why, or why it means nothing. Reads metadata only: imports no plugin."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from corekit.cli import options
from corekit.cli.listing import as_data
from corekit.registry import KINDS, Component, registry
from corekit.registry.messages import unknown_anywhere


@click.command(
    short_help="Say what a name means, and why.",
    epilog="Example: corekit why Dense    or, by id: corekit why corekit-layers-basic:Dense",
)
@click.argument("name")
@options.kind
@options.as_json
def why(name: str, kind: str | None, as_json: bool) -> None:
    """Say which component NAME means in each kind, who else has the name, and what decided.

    Exit code 1 if it means none, or several.
    """
    stories = [story for one in ([kind] if kind else KINDS) if (story := _story(one, name))]
    if as_json:
        click.echo(json.dumps(stories, indent=2))
    else:
        click.echo("\n\n".join(map(_written, stories)) or unknown_anywhere(registry, name))
    if not any(story["means"] for story in stories):
        sys.exit(1)


def _story(kind: str, name: str) -> dict[str, Any] | None:
    """Return what there is to say about a name in a kind; None if nobody there has it."""
    is_id = ":" in name
    offering, meant = registry.offering(kind, name), registry.meant(kind, name)
    owner = None if is_id else registry.owner(kind, name)
    if not (offering or owner):
        return None
    return {
        "kind": kind,
        "means": meant[0].id if len(meant) == 1 else None,
        "reason": _reason(offering, meant, owner, is_id),
        "offered": [{**as_data(component), "reason": registry.status(component)[1]} for component in offering],
    }


def _reason(offering: list[Component], meant: list[Component], owner: str | None, is_id: bool) -> str:
    if len(meant) > 1:
        return f'several plugins have it, so the id must be written, or prefer = ["{meant[0].id}"] under [tool.corekit]'
    if owner is not None:
        here = any(component.distribution == owner for component in offering)
        return f"it is a standard name of {owner}" + ("" if here else f", which is not installed: pip install {owner}")
    if not meant:
        return "what has it is switched off"
    if is_id:
        return "an id means one component"
    rivals = [component for component in offering if component is not meant[0]]
    if not rivals:
        return "nobody else has it"
    return "it is preferred" if registry.status(rivals[0])[0] == "shadowed" else "what else has it is switched off"


def _written(story: dict[str, Any]) -> str:
    lines = [f"{story['kind']}: {story['means'] or 'nothing'} ({story['reason']})"]
    for one in story["offered"]:
        lines.append(f"  {one['status']:<9} {one['id']} {one['version']}  {one['target']}")
        if one["reason"]:
            lines.append(f"            {one['reason']}")
    return "\n".join(lines)
