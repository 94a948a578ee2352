"""What acts on a single weight: how it starts (Initializer), what it costs (Regularizer), where it may go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from corekit.errors import ArgumentError, ArgumentTypeError, ShapeError
from corekit.protocols.configurable import Configurable
from corekit.protocols.metric import Metric

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
    if not all(isinstance(size, (int, np.integer)) and size >= 0 for size in sizes):
        raise ArgumentTypeError(
            f'{owner}: the weight "{name}" cannot have shape {sizes}: every size is a whole number that is known when '
            "the layer is built (None marks an open axis, such as the batch)."
        )
    return tuple(int(size) for size in sizes)


def initial_value(initializer: Callable[..., Tensor], shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Return a weight's first values: from an Initializer, a function of (shape, dtype), or one of torch.nn.init."""
    function = getattr(initializer, "func", initializer)  # of a functools.partial
    if getattr(function, "__module__", "") == "torch.nn.init":  # torch's own fill in place
        value = torch.empty(shape, dtype=dtype)
        initializer(value)
        return value
    return torch.as_tensor(initializer(shape, dtype=dtype)).to(dtype)


def free_name_for(layer: nn.Module, name: str) -> None:
    """Make sure that a new weight of `layer` may be called `name`; an attribute that only holds None makes way.

    Raises:
        ArgumentError: the layer has something else of that name, or it cannot be a weight's name.
    """
    held = layer.__dict__
    if held.get(name, name) is None:  # `self.bias = None` in __init__
        del held[name]
    weights = {**layer._parameters, **layer._buffers}
    taken = hasattr(type(layer), name) or name in held or name in layer._modules or weights.get(name) is not None
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


def copy_into(layer: Any, weights: Sequence[Any]) -> None:
    """Copy arrays into a layer's weights, in their order.

    Raises:
        ShapeError: their number or a shape differs; nothing was changed.
    """
    mine = layer.weights
    given = [w if isinstance(w, Tensor) else torch.as_tensor(np.asarray(w).copy()) for w in weights]
    if len(given) != len(mine):
        hint = "" if layer.built else f"  {layer.name} is not built yet: call it, or give it an input_shape."
        raise ShapeError(f'"{layer.name}" has {len(mine)} weights, got {len(given)}.{hint}')
    for index, (old, new) in enumerate(zip(mine, given, strict=True)):
        if old.shape != new.shape:
            raise ShapeError(f'weight {index} of "{layer.name}" is {tuple(old.shape)}, got {tuple(new.shape)}.')
    with torch.no_grad():
        for old, new in zip(mine, given, strict=True):
            old.copy_(new)


def weights_by_path(layer: nn.Module) -> dict[str, Tensor]:
    """Return all weights of a layer by their path, each once; see `Layer.named_weights`."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    metrics: list[str] = []
    for path, module in layer.named_modules():
        if isinstance(module, Metric) or any(path.startswith(metric) for metric in metrics):
            metrics.append(f"{path}.")
            continue
        transient = module._non_persistent_buffers_set
        named = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        for name, weight in named:
            if id(weight) not in seen and name not in transient:
                seen.add(id(weight))
                found[f"{path}.{name}" if path else name] = weight
    return found
