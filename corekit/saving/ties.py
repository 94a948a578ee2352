"""Weights that are one tensor, or share memory: which of these a file gives back, and an error for the others.

A layer that is used twice is one layer in a file. What a layer's own code ties it ties again when it is built. What a
program tied from outside, between two layers, a file has no word for: it would come back as two weights, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from corekit.errors import SaveError
from corekit.model.model import Model
from corekit.protocols.layer import Layer


def check(model: Model) -> None:
    """Raise where two weights of a model are tied in a way that would be lost.

    Raises:
        SaveError: with both, and what to write instead.
    """
    holders: dict[int, list[tuple[str, nn.Module]]] = {}  # of each weight, by its id
    at: dict[int, tuple[str, Any]] = {}  # what was found first at an address
    for path, module in model.named_modules():
        for name, weight in [*module._parameters.items(), *module._buffers.items()]:
            if weight is None or weight.is_meta or not weight.numel() or nn.parameter.is_lazy(weight):
                continue
            full = f"{path}.{name}" if path else name
            holders.setdefault(id(weight), []).append((full, module))
            address = weight.data_ptr() or id(weight)  # 0: a tensor that is spread over devices
            first, other = at.setdefault(address, (full, weight))
            if other is not weight:
                raise SaveError(
                    f'"{first}" and "{full}" of "{model.name}" share their memory, and would be two weights when '
                    "loaded.\n  Use one of them in both places, inside one layer, or give each its own:  "
                    "Parameter(other.detach().clone())."
                )
    tied = [places for places in holders.values() if len(places) > 1]
    inside = [{id(module) for module in layer.modules()} for layer in _described(model)] if tied else []
    for places in tied:
        if not any({id(module) for _, module in places} <= own for own in inside):
            names = " and ".join(f'"{name}"' for name, _ in places)
            raise SaveError(
                f'{names} of "{model.name}" are one weight, tied from outside the layers, which would be lost.\n'
                "  Use the same layer in both places, or write a layer that has both inside and ties them in build."
            )


def _described(model: Any) -> Iterator[Layer]:
    """Yield the layers that a file describes by a constructor of their own."""
    if isinstance(model, Model) and model.lists_layers:
        for part in model.layers:
            yield from _described(part)
    else:
        yield model
