"""Stands for a layer of a file whose plugin is not here: keeps its description and its weights, and cannot be called.

So a model can be looked at, renamed, rearranged and saved again without loss by somebody who lacks a plugin of it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from corekit.errors import LayerError, LoadError
from corekit.model.ids import claimed_versions
from corekit.model.inference import Spec
from corekit.protocols.dtype import as_dtype
from corekit.protocols.layer import Layer
from corekit.protocols.tree import map_tree


class Placeholder(Layer):
    """A layer that is not here.

    Args:
        record: its description, as the file has it.
        missing: what of it is not here, a line each.
    """

    def __init__(self, record: Mapping[str, Any], missing: list[str]) -> None:
        super().__init__()
        self.__dict__.update(
            record=copy.deepcopy(dict(record)), missing=missing, built=True, _gives=[], _asked=0, requires={}
        )
        _refuse_shared(self.record, str(record.get("name")))

    record: dict[str, Any]
    missing: list[str]
    requires: dict[str, str]  # the file's distributions and their versions
    _gives: list[Any]
    _asked: int

    def will_give(self, specs: Any, structure: Any = None) -> None:
        """Note what one more call gives, as the file has it: shape and dtype of each tensor, in a structure."""
        made = [Spec(tuple(shape), as_dtype(dtype)) for shape, dtype in specs]
        if structure is None:
            self._gives.append(made[0] if len(made) == 1 else made)
            return
        waiting = iter(made)
        self._gives.append(map_tree(lambda _: next(waiting), structure))

    def foretold(self) -> Any:
        """Return what the next call in a drawn model gives."""
        if not self._gives:
            raise LayerError(f'"{self.name}" is not here, and the file does not say what it gives.')
        given = self._gives[min(self._asked, len(self._gives) - 1)]
        self.__dict__["_asked"] += 1
        return given

    def hold(self, name: str, weight: Tensor, *, is_frozen: bool) -> None:
        """Take a weight, under its path within the layer.

        Args:
            name: such as "cell.kernel".
            weight: with or without values.
            is_frozen: whether it is a parameter that was set not to be trained; all others are kept as state.
        """
        *path, own = name.split(".")
        home: nn.Module = self
        for part in path:
            if part not in home._modules:
                home.add_module(part, nn.Module())
            home = home.get_submodule(part)
        if is_frozen:
            home.register_parameter(own, nn.Parameter(weight, requires_grad=False))
        else:
            home.register_buffer(own, weight)

    def build_from(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Do nothing: its weights are the file's."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Say what is missing."""
        raise LayerError(
            f'"{self.name}" cannot be called, since the model was loaded without it:\n  ' + "\n  ".join(self.missing)
        )


def placeholder(record: Mapping[str, Any], missing: list[str]) -> Placeholder:
    """Return a placeholder whose class is called after the one that is missing, for summaries."""
    name = str(record.get("id", "")).rpartition(":")[2]
    cls = type(f"Missing{name if name.isidentifier() else 'Layer'}", (Placeholder,), {})
    made: Placeholder = cls(record, missing)
    return made


def described(held: Placeholder, number: Callable[[object], int]) -> dict[str, Any]:
    """Return the description that a placeholder keeps, with the numbers of layers as they are in this file.

    Args:
        held: the placeholder.
        number: gives each layer its number, in the order in which it is asked; of the same one the same.
    """
    numbers: dict[int, int] = {}

    def renumbered(value: Any, own: object) -> Any:
        if isinstance(value, list):
            return [renumbered(item, item) for item in value]
        if not isinstance(value, dict):
            return value
        value = dict(value)
        if _is_layer(value) and value["type"] == "shared":
            value["number"] = numbers[value["number"]]
        elif _is_layer(value):
            numbers[value["number"]] = number(own)
            value["number"] = numbers[value["number"]]
        return {key: renumbered(item, item) for key, item in value.items()}

    record: dict[str, Any] = renumbered(held.record, held)
    return {
        **record, "name": held.name, "trainable": held.trainable,
        "named_by_model": held._name is None or held._named_by_model,
    }  # fmt: skip


def attach(
    model: nn.Module, stored: Mapping[str, tuple[tuple[int, ...], torch.dtype]], frozen: Any, requires: Any
) -> None:
    """Give each placeholder in a model its weights, without values yet, and what the file says that it needs.

    Args:
        model: the model, or a part of it.
        stored: shape and dtype of the file's weights, by path.
        frozen: the paths of those that were parameters and not trained.
        requires: the versions of distributions, as the file has them.
    """
    kept = set(frozen) if isinstance(frozen, list) else set()
    claimed = claimed_versions(requires)
    for path, part in [*model.named_modules()]:
        if isinstance(part, Placeholder):
            part.requires.update(claimed)
            for name, (shape, dtype) in stored.items():
                if name.startswith(f"{path}."):
                    weight = torch.empty(shape, dtype=dtype, device="meta")
                    part.hold(name.removeprefix(f"{path}."), weight, is_frozen=name in kept)


def _refuse_shared(record: dict[str, Any], name: str) -> None:
    """Raise where a layer inside a missing one is one that the model uses elsewhere."""
    own: set[Any] = set()
    shared: set[Any] = set()
    left: list[Any] = [record]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += value
        elif isinstance(value, dict):
            if _is_layer(value):
                (shared if value["type"] == "shared" else own).add(value["number"])
            left += value.values()
    if shared - own:
        raise LoadError(
            f'"{name}" is not here and shares a layer with the rest of the model, so it cannot be left out.',
            code="missing-part",
        )


def _is_layer(value: dict[str, Any]) -> bool:
    return isinstance(value.get("type"), str) and isinstance(value.get("number"), int)
