"""`corekit disable NAME`: switches plugins or components off, in a file of the project or the user. Imports none."""

from __future__ import annotations

import json

import click

from corekit.cli import options, switches
from corekit.registry import policy, registry, toml


@click.command(
    short_help="Switch plugins or components off.",
    epilog="Example: corekit disable corekit-einops    or one component: corekit disable corekit-einops:Rearrange",
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@switches.of_user
@options.as_json
def disable(names: tuple[str, ...], user: bool, as_json: bool) -> None:
    """Switch NAME off, a distribution or a component's id: its code is not imported any more, whoever asks for it.

    The name is added to the list  disable  under [tool.corekit] of the nearest pyproject.toml; all else in the file
    stays as it is. The standard parts can be switched off too.
    """
    wanted = list(dict.fromkeys(map(policy.spelt, names)))
    switches.check(wanted, registry.names_in_lists())
    path = switches.file_of(user)
    there = set(map(policy.spelt, switches.listed(path)))
    new = [name for name in wanted if name not in there]
    switches.rewrite(path, new, toml.add)
    if as_json:
        data = [{"name": name, "changed": name in new} for name in wanted]
        click.echo(json.dumps({"file": path, "names": data}, indent=2))
        return
    for name in wanted:
        click.echo(f"{name} is {'now' if name in new else 'already'} switched off in {path}.")
