"""What a model calls its layers: each gets a name of its own there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from corekit.errors import ArgumentError
from corekit.protocols.layer import Layer


def adopt(model: Any, part: Layer) -> None:
    """Take a layer into a model under a name that is its own there.

    Raises:
        ArgumentError: two layers were given one name, or a name that the model itself needs.
    """
    name = part.name
    if part._name is not None and (model._modules.get(name) is part or part in model._modules.values()):
        return
    if part._name is None or part._named_by_model:
        name = _free_in(model, name)
        part.__dict__.update(_name=part._name or name, _named_by_model=True)
    elif name in model._modules:
        raise ArgumentError(
            f'"{model.name}" has two layers called "{name}"; each needs a name of its own.\n'
            f'  Write for example {type(part).__name__}(..., name="{free_name(name, model._modules)}").'
        )
    elif not name or "." in name or _is_reserved(model, name):
        raise ArgumentError(
            f'"{model.name}" cannot have a layer called "{name}": a name has no "." and is no attribute of a model.'
        )
    model._modules[name] = part
    if part._modules or part.training != model.training:
        part.train(model.training)


def _free_in(model: Any, base: str) -> str:
    """Return `free_name` of a model, which remembers how far it counted: many layers of one class are usual."""
    number = model._counted.get(base, 0)
    name = f"{base}_{number}" if number else base
    while name in model._modules or _is_reserved(model, name):
        number += 1
        name = f"{base}_{number}"
    model._counted[base] = number
    return name


def _is_reserved(model: Any, name: str) -> bool:
    return name in model.__dict__ or hasattr(type(model), name)


def free_name(base: str, taken: Iterable[str]) -> str:
    """Return `base`, or `base_1`, `base_2` ... where it is taken.

    Example:
        >>> free_name("dense", ["dense", "dense_1"])
        'dense_2'
    """
    taken = set(taken)
    candidates = (base if number == 0 else f"{base}_{number}" for number in range(len(taken) + 1))
    return next(name for name in candidates if name not in taken)
