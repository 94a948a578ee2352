"""`corekit export MODEL OUT`: a model file as ONNX or torch's pt2. The model runs, so plugins are imported."""

from __future__ import annotations

import dataclasses
import json
import warnings

import click

from corekit.cli import options


@click.command(
    short_help="Write a model file as ONNX or pt2.",
    epilog="Example: corekit export digits.safetensors digits.onnx",
)
@click.argument("model", type=click.Path(exists=True, dir_okay=False))
@click.argument("out", type=click.Path(dir_okay=False))
@click.option("--format", type=click.Choice(["onnx", "torch"]), help="Where the ending of OUT does not say it.")
@options.as_json
def export(model: str, out: str, format: str | None, as_json: bool) -> None:
    """Write MODEL, a .safetensors file of corekit's, to OUT, which ends in .onnx or .pt2 and runs without corekit.

    The plugins of the model's parts are imported. OUT is run on random inputs and compared with the model before it
    takes its place; a file that was there before is replaced.
    """
    from corekit.saving import load_model
    from corekit.saving.export import export_model

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        written = export_model(load_model(model, compile=False), out, format=format)
    for warning in told:
        click.echo(f"warning: {warning.message}", err=True)
    click.echo(json.dumps(dataclasses.asdict(written), indent=2) if as_json else str(written))
