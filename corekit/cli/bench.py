"""`corekit bench`: how fast a component is beside a rival with the same results. Torch is imported in a child only."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click

from corekit.cli import child, options
from corekit.errors import UnknownNameError
from corekit.registry import registry

KINDS = ("layers", "ops", "optimizers")
NOISY = 0.2
"""A spread of the quartiles, relative to the ratio, from which on the numbers are called noisy."""


def _shape(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> list[list[int]]:
    try:
        return [[int(size) for size in value.split(",")] for value in values]
    except ValueError:
        raise click.BadParameter("expected whole numbers with commas between, as 32,128") from None


def _object(ctx: click.Context, parameter: click.Parameter, value: str | None) -> dict[str, Any] | None:
    try:
        found = None if value is None else json.loads(value)
    except ValueError:
        found = ""
    if found is not None and not isinstance(found, dict):
        raise click.BadParameter("""expected an object in JSON, as '{"units": 128}'""")
    return found


@click.command(
    short_help="Measure a component against a rival.",
    epilog="Example: corekit bench LayerNormalization --against torch.nn:LayerNorm --shape 64,256 "
    """--rival-args '{"normalized_shape": 256, "eps": 0.001}'""",
)
@click.argument("name")
@click.option("--against", default="", metavar="ID|MODULE:NAME", help="The rival; default an op's own reference.")
@click.option("--kind", type=click.Choice(KINDS), help="Where several kinds have the name.")
@click.option("--args", callback=_object, metavar="JSON", help="Its arguments; default those of its first example.")
@click.option("--rival-args", callback=_object, metavar="JSON", help="The rival's; default the same, or none.")
@click.option(
    "--shape", "shapes", multiple=True, callback=_shape, metavar="N,N,..",
    help="Of an input, with its batch axis, or of a tensor that is optimized; several times for several.",
)  # fmt: skip
@click.option("--batch", type=click.IntRange(min=1), default=64, show_default=True, help="Samples, without --shape.")
@click.option("--dtype", default="float32", show_default=True)
@click.option("--device", default="cpu", show_default=True)
@click.option("--rounds", type=click.IntRange(min=5), default=21, show_default=True, help="So many, taken in turns.")
@click.option("--tolerance", default=1e-4, show_default=True, help="How much results may differ, relatively.")
@options.as_json
def bench(name: str, against: str, kind: str | None, shapes: list[list[int]], as_json: bool, **how: Any) -> None:
    """Compare a layer, op or optimizer with a rival: whether results are equal, and if so, which one is faster.

    A rival is another component's id, or a torch class as torch.nn:LayerNorm, torch.optim:AdamW, or a function. A
    layer's rival is given its weights, in their order, matrices transposed where that is what fits. Both run in turns;
    the ratio is the median of the rounds', with quartiles.

    Exit codes: 0 it was measured; 1 the results differ, or one of them failed, and nothing was measured.
    """
    component = registry.find(kind or _kind_of(name), name)
    how["arguments"], how["rival_arguments"] = how.pop("args"), how.pop("rival_args")
    request = {"kind": component.kind, "id": component.id, "against": against, "shapes": shapes, **how}
    ended = child.run(
        [sys.executable, "-m", "corekit.testing.bench"],
        input=json.dumps(request),
        env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ},
        keep_output=True,
    )
    if ended is None or not ended.output:
        raise click.ClickException(f"the process ended (exit code {ended.code if ended else None}): nothing measured.")
    answer = json.loads(ended.output)
    if "error" in answer:
        raise click.ClickException(answer["error"])
    rival = against or "its reference"
    answer = {"id": component.id, "against": rival, "device": how["device"], **answer}
    click.echo(json.dumps(answer, indent=2) if as_json else "\n".join(_written(answer, how["tolerance"])))
    if not answer["equal"]:
        sys.exit(1)


def _kind_of(name: str) -> str:
    found = [kind for kind in registry.kinds_of(name) if kind in KINDS]
    if not found:
        raise UnknownNameError(f'no layer, op or optimizer is called "{name}". `corekit list` shows what is installed.')
    return found[0]


def _written(answer: dict[str, Any], tolerance: float) -> list[str]:
    lines = [
        f"{answer['id']}  against  {answer['against']}",
        f"  {answer['on']}; {answer['threads']} threads, torch {answer['torch']}",
    ]
    if not answer["equal"]:
        return [
            *lines,
            f"  results differ by {answer['difference']:.2g}, and may by {tolerance:.2g}: no speed is compared.",
            "  Give both the same settings:  --args JSON  --rival-args JSON",
        ]
    lines += [f"  results are equal: the largest difference is {answer['difference']:.1g}", ""]
    lines.append(f"  {'':<20}{'ours us':>10}{'rival us':>10}{'ratio':>8}   quartiles")
    noisy = []
    for what, one in answer["times"].items():
        low, high = one["quartiles"]
        times = f"{one['ours_us']:>10.1f}{one['rival_us']:>10.1f}{one['ratio']:>8.2f}"
        lines.append(f"  {what:<20}{times}   {low:.2f} to {high:.2f}")
        noisy += [what] if high - low > NOISY * one["ratio"] else []
    lines += ["", f"  A ratio below 1: {answer['id'].rpartition(':')[2]} is faster."]
    if noisy:
        lines.append(f"  Noisy: {', '.join(noisy)}. Other programs are running? Try again, with more --rounds.")
    return lines
