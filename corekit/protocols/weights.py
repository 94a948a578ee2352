"""What acts on a single weight: how it starts (Initializer), what it costs (Regularizer), where it may go."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from corekit.errors import ArgumentError, ArgumentTypeError, LoadError, ShapeError
from corekit.protocols.configurable import Configurable
from corekit.protocols.creation import create

InitializerLike = Callable[..., Tensor]
WeightPenalty = Callable[[Tensor], Tensor]


class Initializer(Configurable, ABC):
    """Gives a weight its first values. Any function of the same signature does as well.

    Example:
        >>> class Sevens(Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return torch.full(tuple(shape), 7.0, dtype=dtype)
        >>> Sevens()((2,))
        tensor([7., 7.])

    Reference: https://keras.io/api/layers/initializers/
    """

    @abstractmethod
    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> Tensor:
        """Return a tensor of `shape` on the current default device, drawn from torch's default generator."""


class Regularizer(Configurable, ABC):
    """Charges a weight: a scalar that is added to the loss. Any function of a tensor does as well.

    Reference: https://keras.io/api/layers/regularizers/
    """

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty for `x`, a 0-d tensor."""


class Constraint(Configurable, ABC):
    """Keeps a weight where it may be: applied after each optimizer step. Any function of a tensor does as well.

    Reference: https://keras.io/api/layers/constraints/
    """

    @abstractmethod
    def __call__(self, w: Tensor) -> Tensor:
        """Return the nearest allowed value of `w`, of the same shape."""


_left: ContextVar[list[int] | None] = ContextVar("_left", default=None)  # bytes; a list, so that takers share it


@contextmanager
def limited(most: int) -> Iterator[None]:
    """Refuse, inside a `with`, weights that take more memory together.

    Args:
        most: bytes.
    """
    token = _left.set([most])
    try:
        yield
    finally:
        _left.reset(token)


def _take(left: list[int], layer: Any, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    left[0] -= math.prod(shape) * dtype.itemsize
    if left[0] < 0:
        raise LoadError(
            f'weight "{name}" of {type(layer).__name__} has the shape {shape}: the model would have more weights than '
            "the file holds.",
            code="weights-differ",
        )


def weight_shape(owner: str, positional: tuple[Any, ...], shape: Any, name: str | None) -> tuple[int, ...]:
    """Return the shape that `add_weight` was asked for.

    Args:
        owner: the layer's class, for errors.
        positional: arguments without a keyword; only a shape may be one.
        shape: what the keyword was given.
        name: of the weight.

    Raises:
        ArgumentTypeError: another argument without its keyword, or a size that is none.
    """
    if positional and shape is None and isinstance(positional[0], (tuple, list)):
        positional, shape = positional[1:], positional[0]
    if positional:
        label = positional[0] if isinstance(positional[0], str) else "kernel"
        raise ArgumentTypeError(
            f"{owner}: add_weight takes keywords, got {', '.join(map(repr, positional))}.\n"
            f'  Write  self.add_weight(name="{label}", shape=(...), initializer="glorot_uniform").'
        )
    if shape is None:
        return ()
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    for size in sizes:
        if not isinstance(size, (int, np.integer)) or size < 0:
            raise ArgumentTypeError(
                f'{owner}: the weight "{name}" cannot have shape {sizes}: every size is a whole number that is known '
                "when the layer is built (None marks an open axis, such as the batch)."
            )
    return tuple(map(int, sizes))


def make_weight(
    layer: Any,
    shape: tuple[int, ...],
    initializer: Any,
    dtype: torch.dtype,
    trainable: bool,
    regularizer: Any,
    constraint: Any,
    name: str | None,
) -> Tensor:
    """Make a weight of a layer and return it; see `Layer.add_weight`."""
    label = name or f"weight_{len(layer._parameters) + len(layer._buffers)}"
    free_name_for(layer, label)
    if (left := _left.get()) is not None:
        _take(left, layer, label, shape, dtype)
    value = initial_value(type(layer).__name__, label, initializer, shape, dtype)
    is_parameter = trainable and dtype.is_floating_point
    if is_parameter:
        value = nn.Parameter(value, requires_grad=layer._trainable)
        layer._parameters[label] = value  # register_parameter would ask once more whether the name is free
    else:
        layer.register_buffer(label, value)
    if not (is_parameter and name):  # torch itself follows a parameter to a second name, but not a buffer
        layer._unassigned.append(label)
    if regularizer is not None:
        layer._regularizers[label] = create("regularizers", regularizer)
    if constraint is not None:
        layer._constraints[label] = create("constraints", constraint)
    return value


def initial_value(owner: str, name: str, initializer: Any, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Return a weight's first values.

    Args:
        owner: the layer's class, for errors.
        name: of the weight, for errors.
        initializer: an Initializer, what `create` takes for one, a function of (shape, dtype), or one of torch.nn.init.
            None is "glorot_uniform" for floating point, else "zeros".
        shape: of the weight.
        dtype: of the weight.

    Raises:
        ShapeError: the initializer gave another shape.
    """
    if initializer is None:
        initializer = "glorot_uniform" if dtype.is_floating_point else "zeros"
    if not isinstance(initializer, Initializer):
        initializer = create("initializers", initializer)
        function = getattr(initializer, "func", initializer)  # of a functools.partial
        if getattr(function, "__module__", "") == "torch.nn.init":  # torch's own fill in place
            value = torch.empty(shape, dtype=dtype)
            initializer(value)
            return value
    value = initializer(shape, dtype=dtype)
    if type(value) is not Tensor or value.dtype != dtype:
        value = torch.as_tensor(value).to(dtype)
    if value.shape != shape:
        raise ShapeError(f'{owner}: the initializer of "{name}" gave {tuple(value.shape)}, expected {shape}.')
    return value


def free_name_for(layer: nn.Module, name: str) -> None:
    """Make sure that a new weight of `layer` may be called `name`; an attribute that only holds None makes way.

    Raises:
        ArgumentError: the layer has something else of that name, or it cannot be a weight's name.
    """
    held = layer.__dict__
    if held.get(name, name) is None:  # `self.bias = None` in __init__
        del held[name]
    weights = layer._parameters.get(name) is not None or layer._buffers.get(name) is not None
    taken = weights or hasattr(type(layer), name) or name in held or name in layer._modules
    if taken or not name or "." in name:
        why = "it has something of that name already" if taken else 'a name is not empty and has no "."'
        raise ArgumentError(
            f'{type(layer).__name__}.add_weight(name="{name}"): the layer cannot have that weight: {why}.\n'
            "  Choose another name."
        )


def call_weight(layer: Any, name: str, value: Tensor) -> None:
    """Call a weight that no attribute held so far by the attribute that it is being assigned to."""
    for table in (layer._parameters, layer._buffers):
        made = next((label for label in layer._unassigned if table.get(label) is value), None)
        if made is None:
            continue
        layer._unassigned.remove(made)
        layer.__dict__.pop(name, None)
        for labelled in (table, layer._regularizers, layer._constraints):
            if made in labelled:
                labelled[name] = labelled.pop(made)
