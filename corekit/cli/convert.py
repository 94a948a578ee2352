"""`corekit convert`: a Keras file becomes one of corekit's. Makes the model, so it imports torch and its plugins."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from corekit.cli import options
from corekit.errors import ArgumentError


@click.command(
    short_help="Turn a Keras file into a corekit file.",
    epilog="Example: corekit convert x.keras x.safetensors",
)
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace TARGET if it exists.")
@options.as_json
def convert(source: Path, target: Path, overwrite: bool, as_json: bool) -> None:
    """Read the model in SOURCE, a .keras file, and write it to TARGET, a .safetensors file.

    Nothing that SOURCE brings is run. How it was compiled, and its optimizer's state, are left behind. A model with
    classes of your own is converted in Python: corekit.load_model(SOURCE, custom_objects={...}).save(TARGET).

    Exit code 1 if SOURCE cannot be read, with the reason; TARGET is then as it was.
    """
    if source.suffix != ".keras" or target.suffix != ".safetensors":
        raise ArgumentError(
            f"corekit convert {source} {target}: expected a .keras file, then a .safetensors file.\n"
            f"  Write  corekit convert {source.with_suffix('.keras').name} {source.with_suffix('.safetensors').name}."
        )
    if target.exists() and not overwrite:
        raise ArgumentError(f"{target} exists. Nothing was written.\n  Add --overwrite to replace it.")
    from corekit.saving import load_model  # here a model must run, so torch is imported

    model = load_model(source)
    model.save(target, overwrite=overwrite)
    facts = {
        "source": str(source),
        "target": str(target),
        "bytes": os.path.getsize(target),
        "model": model.name,
        "layers": len(model.layers),
        "parameters": model.count_params(),
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    click.echo(
        f'Wrote {target} ({facts["bytes"]:,} bytes): "{model.name}" with {facts["layers"]} '
        f"{'layer' if facts['layers'] == 1 else 'layers'} and {facts['parameters']:,} parameters; not compiled."
    )
