"""`corekit inspect FILE`: what a model file says of itself, and what of it is here. No torch, no plugin, no model."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from corekit.cli import needs, options
from corekit.registry import registry


@click.command(
    short_help="Show what a model file holds and needs.", epilog="Example: corekit inspect digits.safetensors"
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--fast", is_flag=True, help="Do not read the tensors, so do not look for damage in them.")
@options.as_json
def inspect(file: Path, fast: bool, as_json: bool) -> None:
    """Show what FILE says of itself: its layers, shapes, sizes, and the plugins that it needs.

    Nothing in the file is run, and no plugin is imported. Names and versions are the file's own claim; whether they are
    installed here is looked up by name. Never install something only because a file names it.

    Exit code 1 if the file is damaged or is no model file, or if something that it needs is not here.
    """
    from corekit.model.ids import named_ids
    from corekit.saving import claims, shards

    contents = shards.read_header(file) if fast else shards.verified(file)
    of_model = set(named_ids(contents.metadata.get("architecture")))
    of_training = set(named_ids(contents.metadata.get("training"))) - of_model
    parts = [_part(*named, use="model") for named in sorted(of_model)]
    parts += [_part(*named, use="training") for named in sorted(of_training)]
    distributions = [_need(name, version) for name, version in sorted(needs.claimed(contents.metadata).items())]
    numbers, size = claims.size(contents)
    told: dict[str, Any] = {
        "file": str(file),
        "format": contents.metadata["format"],
        "corekit": claims.safe(contents.metadata.get("corekit", "?")),
        "checked": not fast,
        "parameters": numbers,
        "bytes": size,
        "training": claims.training(contents),
        "shards": list(contents.shards),
        "layers": [line._asdict() for line in claims.lines(contents)],
        "needs": distributions,
        "parts": parts,
    }
    click.echo(json.dumps(told, indent=2) if as_json else _written(told))
    if any(one["state"] != "here" for one in parts):
        sys.exit(1)


def _need(name: str, version: str) -> dict[str, str]:
    from corekit.saving.claims import safe

    found = {component.distribution: component.version for component in registry.components()}
    have = found.get(name, "")
    state = "missing" if not have else "here" if have == version else "other version"
    return {"distribution": safe(name), "version": safe(version), "installed": have, "state": state}


def _part(kind: str, id: str, *, use: str) -> dict[str, str]:
    """Return whether a part is here; `use` says what needs it."""
    from corekit.saving.claims import safe

    found = needs.part(kind, id)
    return {"kind": safe(kind), "id": safe(id), "used_by": use, "state": found.state, "why": found.why}


def _written(told: dict[str, Any]) -> str:
    checked = "every byte is as it was saved" if told["checked"] else "the tensors were not looked at"
    lines = [
        f"{told['file']}: format {told['format']}, written by corekit {told['corekit']}; {checked}.",
        f"{told['parameters']:,} numbers in {told['bytes']:,} bytes{_in_shards(told['shards'])}.",
        "What follows is what the file says of itself.",
        *_trained(told["training"]),
        "",
    ]
    rows = [
        ("  " * line["depth"] + line["name"], line["what"], line["gives"], f"{line['parameters']:,}")
        for line in told["layers"]
    ]
    lines += _columns([("layer", "what", "gives", "numbers"), *rows])
    if told["needs"]:
        lines += ["", *_columns([("needs", "saved with", "installed", ""), *map(_row, told["needs"])])]
    absent = [part for part in told["parts"] if part["state"] != "here"]
    if absent:
        lines += [
            "",
            "Not here:",
            *(f"  {one['kind']} {one['id']}: {one['state']}. {one['why']}".rstrip() for one in absent),
        ]
        if all(one["used_by"] == "training" for one in absent):
            lines += ["Only training needs that:  corekit.load_model(..., compile=False)  leaves it out."]
        lines += ["A name in a file proves nothing: install what you know, from where you know it."]
        lines += [f"What your lock file or your index has of it:  corekit sync {shlex.quote(told['file'])}"]
    return "\n".join(lines)


def _in_shards(names: list[str]) -> str:
    from corekit.saving.claims import safe

    return f", in {len(names)} files beside it, {safe(names[0])} and so on" if names else ""


def _trained(training: dict[str, Any] | None) -> list[str]:
    if training is None:
        return ["It was saved without how it was compiled."]
    state = f"with its state, {training['bytes']:,} bytes" if training["has_state"] else "without its state"
    return [f"Compiled with optimizer {training['optimizer'] or '?'}, {state}."]


def _row(need: dict[str, str]) -> tuple[str, str, str, str]:
    return (
        need["distribution"],
        need["version"],
        need["installed"] or "-",
        need["state"] if need["state"] != "here" else "",
    )


def _columns(rows: list[tuple[str, str, str, str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
