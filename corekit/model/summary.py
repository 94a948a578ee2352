"""A model as a table: its layers, their output shapes, their numbers of weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from torch import Tensor

from corekit.model.model import Model
from corekit.protocols.building import axis_sizes
from corekit.protocols.layer import Layer
from corekit.protocols.tree import leaves


def show(
    model: Model,
    line_length: int | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
) -> None:
    """Print the table to the terminal, as HTML in a notebook, or line by line through `print_fn`."""
    table = Table(title=escape(f'Model "{model.name}"'), box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    table.add_column("Layer (type)")
    table.add_column("Output shape")
    table.add_column("Weights", justify="right")
    if show_trainable:
        table.add_column("Trainable")
    for depth, name, layer in _rows(model, expand_nested):
        cells = [escape(f"{'  ' * depth}{name} ({type(layer).__name__})"), _output_shape(layer), _count(layer)]
        table.add_row(*cells, *(["yes" if layer.trainable else "no"] if show_trainable else []))
    shown = Group(table, *_totals(model))
    if print_fn is None:
        Console(width=line_length).print(shown, highlight=False)
        return
    console = Console(width=line_length or 80, color_system=None, force_jupyter=False)
    with console.capture() as capture:
        console.print(shown, highlight=False)
    for line in capture.get().splitlines():
        print_fn(line)


def _rows(model: Model, expand_nested: bool, depth: int = 0) -> Iterable[tuple[int, str, Layer]]:
    for layer in model.layers:
        yield depth, model.name_of(layer), layer
        if expand_nested and isinstance(layer, Model):
            yield from _rows(layer, expand_nested, depth + 1)


def _output_shape(layer: Layer) -> str:
    if layer.drawn_calls:
        return ", ".join(axis_sizes(tensor.shape) for tensor in leaves(layer.output))
    if isinstance(layer, Model) and layer.graph is not None:
        return ", ".join(axis_sizes(layer.graph.specs[slot.index].shape) for slot in leaves(layer.graph.outputs))
    return "?"


def _count(layer: Layer) -> str:
    return f"{layer.count_params():,}" if layer.built else "not built"


def _totals(model: Model) -> list[str]:
    if not model.built:
        return [" Not built yet: call the model, or give its first layer an input_shape."]
    trainable = sum(weight.numel() for weight in model.trainable_weights)
    total = model.count_params()
    return [
        f" Weights: {total:,} ({_size(model.weights)}), trainable {trainable:,}, other {total - trainable:,}",
    ]


def _size(weights: list[Tensor]) -> str:
    size = float(sum(weight.numel() * weight.element_size() for weight in weights))
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
