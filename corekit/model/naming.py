"""What a model calls its layers: each gets a name of its own there."""

from __future__ import annotations

from collections.abc import Iterable

from corekit.errors import ArgumentError
from corekit.protocols.layer import Layer


def adopt(model: Layer, part: Layer) -> None:
    """Take a layer into a model under a name that is its own there.

    Raises:
        ArgumentError: two layers were given one name, or a name that the model itself needs.
    """
    if any(module is part for module in model._modules.values()):
        return
    name, reserved = part.name, {*dir(type(model)), *model.__dict__}
    if part._name is None or part._named_by_model:
        name = free_name(name, {*model._modules, *reserved})
        part._name, part._named_by_model = part._name or name, True
    elif name in model._modules:
        raise ArgumentError(
            f'"{model.name}" has two layers called "{name}"; each needs a name of its own.\n'
            f'  Write for example {type(part).__name__}(..., name="{free_name(name, model._modules)}").'
        )
    elif not name or "." in name or name in reserved:
        raise ArgumentError(
            f'"{model.name}" cannot have a layer called "{name}": a name has no "." and is no attribute of a model.'
        )
    model._modules[name] = part
    part.train(model.training)


def free_name(base: str, taken: Iterable[str]) -> str:
    """Return `base`, or `base_1`, `base_2` ... where it is taken.

    Example:
        >>> free_name("dense", ["dense", "dense_1"])
        'dense_2'
    """
    taken = set(taken)
    candidates = (base if number == 0 else f"{base}_{number}" for number in range(len(taken) + 1))
    return next(name for name in candidates if name not in taken)
