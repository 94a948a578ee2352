"""What shape a call will give, without computing it: a layer's own `compute_output_shape`, or a run on meta tensors."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from corekit.errors import CorekitError, LayerError
from corekit.model.on_zeros import without_compiler
from corekit.protocols import building
from corekit.protocols.building import Shape, axis_sizes, call_on_meta, explain_missing_weight
from corekit.protocols.layer import Layer
from corekit.protocols.symbolic import Symbolic
from corekit.protocols.tree import leaves, map_tree

# Two runs tell open axes from fixed ones: sizes that differ between them are open. The sizes of open axes other than
# the batch are large and even, so that kernels and pooling windows fit.
RUNS = ((2, 64), (3, 128))


class Spec(NamedTuple):
    """Shape and dtype of a tensor that will be; None marks an open axis."""

    shape: Shape
    dtype: torch.dtype


def infer(operation: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return a Spec for each tensor that `operation(*args, **kwargs)` would give; builds layers on the way.

    Raises:
        ShapeError: a layer refuses the shape.
        LayerError: `call` cannot run without values.
    """
    if isinstance(operation, Layer):
        if (foretold := getattr(type(operation), "foretold", None)) is not None:  # a layer that is not here
            return foretold(operation)
        operation.build_from(args, kwargs)
        known = _declared(operation, args, kwargs)
        if known is not None:
            return known
    first, second = (_run_on_meta(operation, args, kwargs, sizes) for sizes in RUNS)
    return map_tree(_open_axes, first, second)


def _declared(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what `compute_output_shape` says, where the layer has one and everything inside it is built."""
    compute: Callable[..., Any] | None = getattr(layer, "compute_output_shape", None)
    if compute is None or len(args) != 1:
        return None
    if layer._modules and not all(module.built for module in building.tree(layer) if isinstance(module, Layer)):
        return None
    shapes = compute(args[0].shape if isinstance(args[0], Symbolic) else map_tree(lambda v: tuple(v.shape), args[0]))
    weight = next(iter(layer._parameters.values()), None)
    if weight is None:
        weight = next(layer.parameters(), None)
    dtype = next(leaves(args)).dtype if weight is None else weight.dtype
    if layer._policy is not None and dtype.is_floating_point:
        dtype = layer.compute_dtype  # which run() sees to
    return _specs(layer, shapes, dtype)


def _specs(layer: Layer, shapes: Any, dtype: torch.dtype) -> Any:
    """Return declared shapes (one, or a list, tuple or dict of several) as Specs."""
    if isinstance(shapes, dict):
        return {key: _specs(layer, shape, dtype) for key, shape in shapes.items()}
    if isinstance(shapes, (list, tuple)):
        if all(size is None or isinstance(size, int) for size in shapes):
            return Spec(tuple(shapes), dtype)
        return type(shapes)(_specs(layer, shape, dtype) for shape in shapes)
    raise LayerError(
        f"{type(layer).__name__}.compute_output_shape returned {shapes!r}: expected a shape such as (None, 10), or a "
        "list or dict of shapes, one for each output."
    )


def _run_on_meta(
    operation: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], sizes: tuple[int, int]
) -> Any:
    def stand_in(value: Any) -> Any:
        if not isinstance(value, Symbolic):
            return value.to("meta") if isinstance(value, Tensor) else value
        batch, other = sizes
        concrete = [(batch if axis == 0 else other) if n is None else n for axis, n in enumerate(value.shape)]
        return torch.empty(concrete, dtype=value.dtype, device="meta")

    meta_args, meta_kwargs = map_tree(stand_in, (args, kwargs))
    try:
        with torch.no_grad(), without_compiler():
            if isinstance(operation, torch.nn.Module):
                return call_on_meta(operation, meta_args, meta_kwargs)
            return operation(*meta_args, **meta_kwargs)
    except CorekitError:
        raise
    except Exception as error:
        if isinstance(error, AttributeError) and isinstance(operation, Layer):
            explain_missing_weight(operation, error)
        shapes = ", ".join(axis_sizes(v.shape) for v in leaves((args, kwargs)) if isinstance(v, Symbolic))
        raise LayerError(
            f"{_label(operation)} cannot take an input of shape {shapes} while the model is drawn"
            f"{line_of(error)}: {type(error).__name__}: {error}\n"
            "  If the shape is wrong, change the layer before it. If call needs real values (numpy, .item(), a branch "
            "on data),\n  give the class  def compute_output_shape(self, input_shape): return <the output's shape>."
        ) from error


def _open_axes(first: Any, second: Any) -> Any:
    if not isinstance(first, Tensor):
        return first
    return Spec(tuple(a if a == b else None for a, b in zip(first.shape, second.shape, strict=True)), first.dtype)


def _label(operation: Any) -> str:
    if isinstance(operation, Layer):
        return f'layer "{operation.name}" ({type(operation).__name__})'
    return str(getattr(operation, "__name__", operation))


def line_of(error: Exception) -> str:
    """Return where in the user's or plugin's code it happened: the innermost line outside torch and corekit."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = frame.filename.replace("\\", "/")
        if "/torch/" not in path and "/corekit/" not in path:
            return f", at {path.rpartition('/')[2]}:{frame.lineno} ({frame.line})"
    return ""
