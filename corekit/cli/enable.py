"""`corekit enable NAME`: takes back what `corekit disable NAME` did, and says what else switches it off."""

from __future__ import annotations

import json
import sys
from typing import NamedTuple

import click

from corekit.cli import options, switches
from corekit.registry import policy, registry, toml


@click.command(
    short_help="Switch plugins or components on again.",
    epilog="Example: corekit enable corekit-einops    or one component: corekit enable corekit-einops:Rearrange",
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@switches.of_user
@options.as_json
def enable(names: tuple[str, ...], user: bool, as_json: bool) -> None:
    """Take NAME out of the list  disable  under [tool.corekit] of the nearest pyproject.toml.

    Each place can only take away: where a variable, the other file or its whole distribution still switches NAME off,
    that is said, and the exit code is 1.
    """
    wanted = list(dict.fromkeys(map(policy.spelt, names)))
    path = switches.file_of(user)
    written = [name for name in dict.fromkeys(switches.listed(path)) if policy.spelt(name) in wanted]
    decided = {name for decision in policy.declared() for name in decision.names}
    switches.check(wanted, {*registry.names_in_lists(), *decided})
    switches.rewrite(path, written, toml.remove)
    gone = set(map(policy.spelt, written))
    facts = [_Fact(name, name in gone, switches.refusal(name)) for name in wanted]
    if as_json:
        click.echo(json.dumps({"file": path, "names": [fact._asdict() for fact in facts]}, indent=2))
    else:
        click.echo("\n".join(_said(fact, path) for fact in facts))
    if any(fact.refusal for fact in facts):
        sys.exit(1)


class _Fact(NamedTuple):
    name: str
    changed: bool
    refusal: str | None


def _said(fact: _Fact, path: str) -> str:
    if fact.refusal:
        where = f"was taken out of {path}, and is still" if fact.changed else f"is not in the list of {path}, and is"
        return f"{fact.name} {where} switched off: {fact.refusal}."
    return f"{fact.name} is switched on again in {path}." if fact.changed else f"{fact.name} is not switched off."
