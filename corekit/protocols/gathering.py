"""What a layer gathers from itself and the layers inside it: weights as data, penalties, constraints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from corekit.errors import ShapeError
from corekit.protocols.building import tree
from corekit.protocols.metric import Metric


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


def arrays(weights: Sequence[Tensor]) -> list[np.ndarray[Any, Any]]:
    """Return copies of weights as numpy arrays, bfloat16 as float32: numpy has no such thing."""
    found = [weight.detach().cpu() for weight in weights]
    return [(w.float() if w.dtype == torch.bfloat16 else w).numpy().copy() for w in found]


def layers_in(layer: nn.Module) -> list[Any]:
    """Return a layer and every layer inside it, torch modules left out; training asks at every step."""
    return [module for module in tree(layer) if "_added_losses" in module.__dict__]


def penalties(layer: nn.Module) -> list[Tensor]:
    """Return what the weights cost and what calls added, of a layer and those inside it."""
    found: list[Tensor] = []
    for part in layers_in(layer):
        found += [penalty(getattr(part, name)) for name, penalty in part._regularizers.items()]
        found += part._added_losses
    return found


def constrain(layer: nn.Module) -> None:
    """Bring every constrained weight back to where it may be."""
    with torch.no_grad():
        for part in layers_in(layer):
            for name, constraint in part._constraints.items():
                weight = getattr(part, name)
                weight.copy_(constraint(weight))
