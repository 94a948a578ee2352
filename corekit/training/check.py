"""What is refused before a step could spoil a weight: figures that are no numbers, wrong shapes, NaN in the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from corekit.errors import ArgumentError, DataError, ShapeError
from corekit.model.model import Model
from corekit.model.running import Slot
from corekit.protocols.layer import axis_sizes
from corekit.protocols.tree import leaves, map_tree
from corekit.training.data import as_tensors


def check_counts(caller: str, *, least: int = 1, **arguments: Any) -> None:
    """Raise where an argument that counts something (epochs, steps) is not a whole number; None is no argument.

    Raises:
        ArgumentError: naming the call, the argument and what came.
    """
    for name, value in arguments.items():
        if value is None or (isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least):
            continue
        digits = isinstance(value, str) and value.strip().isdigit()
        fix = f"\n  Write {name}={int(value)}, without quotes." if digits else ""
        raise ArgumentError(f"{caller}({name}={value!r}): expected a whole number of at least {least}.{fix}")


def check_inputs(model: Model, x: Any, caller: str) -> None:
    """Raise where a batch does not fit the inputs that a drawn model was made for.

    Raises:
        ShapeError: naming both shapes.
    """
    if model.graph is None:
        return
    if isinstance(x, Tensor) and isinstance(model.graph.inputs, Slot):  # one of one: most models, most calls
        wanted = model.graph.specs[model.graph.inputs.index].shape
        if None not in wanted[1:] and x.shape[1:] == wanted[1:]:
            return
    inputs, names = model.graph.inputs, model.graph.input_names
    keys = list(inputs) if isinstance(inputs, dict) else names
    slots = list(leaves(inputs))
    values = list(leaves([x[key] for key in keys if key in x] if isinstance(x, dict) else x))
    if len(values) != len(slots):
        raise ShapeError(
            f'{caller}: "{model.name}" has {len(slots)} inputs ({", ".join(keys)}), '
            f"got {len(values)}. Give a list of arrays, or a dict by name."
        )
    for slot, name, value in zip(slots, names, values, strict=True):
        wanted = model.graph.specs[slot.index].shape
        sizes = zip(wanted[1:], value.shape[1:], strict=False)  # any number of samples will do
        if len(wanted) != value.ndim or not all(size in (None, given) for size, given in sizes):
            size = math.prod(n or 0 for n in wanted[1:])
            same_size = size and size == math.prod(value.shape[1:])
            fix = f"\n  Write  x.reshape(-1, {', '.join(map(str, wanted[1:]))})." if same_size else ""
            raise ShapeError(
                f'{caller}: input "{name}" of "{model.name}" has shape {axis_sizes(wanted)}, '
                f"got {tuple(value.shape)}.{fix}"
            )


def refuse_not_finite(model: Model, parts: Mapping[str, Any], device: torch.device, caller: str) -> None:
    """Raise for NaN or infinity in arrays, before a step spoils the weights; an x that the model copes with passes.

    Raises:
        DataError: naming the first bad position.
    """
    for part, value in parts.items():
        tensors = None if value is None else as_tensors(value, part, caller)
        if part == "x":
            check_inputs(model, tensors, caller)
        found = find_not_finite(tensors, part)
        if found is None or (part == "x" and _copes(model, tensors, found[1][0], device)):
            continue
        name, index = found
        raise DataError(
            f"{caller}: {part} is not finite: the first NaN or infinity is at {name}[{', '.join(map(str, index))}].\n"
            f"  Drop or repair such samples first:  keep = numpy.isfinite({name}).reshape(len({name}), -1).all(1)"
        )


def find_not_finite(value: Any, name: str) -> tuple[str, tuple[int, ...]] | None:
    """Return which tensor holds the first NaN or infinity and where, or None.

    Example:
        >>> find_not_finite({"a": torch.ones(2), "b": torch.tensor([0.0, float("nan")])}, "x")
        ("x['b']", (1,))
    """
    if isinstance(value, (dict, list, tuple)):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        found = (find_not_finite(part, f"{name}[{key!r}]") for key, part in parts)
        return next((place for place in found if place is not None), None)
    if not isinstance(value, Tensor) or not value.is_floating_point() or torch.isfinite(value.sum()):
        return None  # one pass, no copy; a sum hides no NaN
    bad = (~torch.isfinite(value)).nonzero()  # none where only the sum was too large
    return (name, tuple(bad[0].tolist())) if len(bad) else None


def _copes(model: Model, x: Any, row: int, device: torch.device) -> bool:
    """Return whether the outputs for a sample, and the gradients that come of it, are finite all the same."""
    with torch.enable_grad(), model._mode(False):
        outputs = list(leaves(model(map_tree(lambda t: t[row : row + 1].to(device), x))))
        total = torch.stack([output.float().square().sum() for output in outputs]).sum()
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        grads = torch.autograd.grad(total, weights, allow_unused=True) if total.requires_grad else ()
    model.clear_losses()
    return all(bool(torch.isfinite(value).all()) for value in (total, *grads) if value is not None)


def check_finite_loss(logs: Mapping[str, float], epoch: int) -> None:
    """Raise where the loss of an epoch is NaN or infinite.

    Raises:
        DataError: with the usual causes.
    """
    if not math.isfinite(logs.get("loss", 0.0)):
        raise DataError(
            f"the loss is {logs['loss']} after epoch {epoch + 1}, so training ended: every weight may be spoiled.\n"
            "  The usual causes: NaN in the data, a learning rate that is too high, a log or division by zero in a "
            "layer. Build the model anew and try a learning rate ten times smaller."
        )
