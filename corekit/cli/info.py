"""`corekit info NAME`: one component in full. Its signature and docstring need its code, so this imports the plugin."""

from __future__ import annotations

import inspect
import json
import sys
import textwrap
from typing import Any

import click

from corekit.cli import options
from corekit.cli.listing import as_data
from corekit.errors import BrokenPluginError, UnknownNameError
from corekit.registry import Component, registry
from corekit.registry.messages import unknown_anywhere

WIDTH = 100


@click.command(
    short_help="Show one component in full.",
    epilog="Example: corekit info Dense    or, by id: corekit info corekit-layers-basic:Dense",
)
@click.argument("name")
@options.kind
@options.as_json
def info(name: str, kind: str | None, as_json: bool) -> None:
    """Show what NAME is: a component's name, alias or id, such as corekit-layers-basic:Dense.

    Where several kinds have the name, each is shown. The component's plugin is imported; if that fails, the rest is
    shown with the reason, and the exit code is 1.
    """
    kinds = [kind] if kind else registry.kinds_of(name)
    if not kinds:
        raise UnknownNameError(unknown_anywhere(registry, name))
    facts = [_facts(registry.find(one, name)) for one in kinds]
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        click.echo("\n\n".join(_written(one) for one in facts))
    if any(one["error"] for one in facts):
        sys.exit(1)


def _facts(component: Component) -> dict[str, Any]:
    others = [one.id for one in registry.offering(component.kind, component.name) if one is not component]
    facts = {**as_data(component), "also_offered_by": others, "signature": None, "summary": None, "error": None}
    try:
        value = registry.load(component)
    except BrokenPluginError as error:
        return {**facts, "error": f"{type(error).__name__}: {error}"}
    return {**facts, "signature": _signature(component.name, value), "summary": _first_paragraph(value)}


class _Plain(str):
    """An annotation as it stands in the source: without the quotes that signatures put around a string."""

    def __repr__(self) -> str:
        return str(self)


def _signature(name: str, value: Any) -> str | None:
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):  # built in, or an object that cannot be called
        return None
    parameters = [p.replace(annotation=_plain(p.annotation)) for p in signature.parameters.values()]
    result = inspect.Signature.empty if isinstance(value, type) else _plain(signature.return_annotation)
    return f"{name}{signature.replace(parameters=parameters, return_annotation=result)}"


def _plain(annotation: Any) -> Any:
    return _Plain(annotation) if isinstance(annotation, str) else annotation


def _first_paragraph(value: Any) -> str | None:
    paragraph = (inspect.getdoc(value) or "").partition("\n\n")[0]
    return " ".join(paragraph.split()) or None


def _written(facts: dict[str, Any]) -> str:
    rows = {
        "kind": facts["kind"],
        "distribution": f"{facts['distribution']} {facts['version']}",
        "aliases": ", ".join(facts["aliases"]),
        "also by": ", ".join(facts["also_offered_by"]),
        "code": facts["target"],
        "signature": facts["signature"],
    }
    lines = [facts["id"]]
    for label, value in rows.items():
        if value:
            lines += textwrap.wrap(f"  {label:<12}  {value}", WIDTH, subsequent_indent=" " * 18, break_long_words=False)
    if facts["summary"]:
        lines += ["", textwrap.fill(facts["summary"], WIDTH, initial_indent="  ", subsequent_indent="  ")]
    if facts["error"]:
        lines += ["", *(f"  {line}" for line in facts["error"].splitlines())]
    return "\n".join(lines)
