"""How a model was compiled, and what its optimizer has learned, in a model file: an object like a layer's description.

config   what `compile` was given: optimizer, loss, loss_weights, metrics, weighted_metrics, jit_compile
names    what names among that mean, as in a layer
state    where asked for: the optimizer's groups, and its values by weight; arrays are tensors of the file
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from corekit.errors import LoadError, SaveError
from corekit.model.config import encode, names_in
from corekit.model.construction import constructed
from corekit.model.ids import claimed_versions, optimizer_arrays
from corekit.model.model import Model
from corekit.protocols.optimizer import Optimizer
from corekit.saving.format import Contents, StoredTensor

Tensors = dict[str, Tensor]
_BAD = "bad-description"
_NUMBERS = (Tensor, int, float, type(None))
_ARGUMENTS = {"optimizer", "settings", "loss", "loss_weights", "metrics", "weighted_metrics", "jit_compile"}


def describe(model: Model, *, include_optimizer: bool) -> tuple[dict[str, Any] | None, Tensors]:
    """Return the training of a model as data, and the optimizer's tensors by the names that they get in a file.

    None where the model is not compiled, or, with a warning, where it was compiled with what a file cannot hold.

    Args:
        model: built.
        include_optimizer: whether the optimizer's state is asked for, which makes that an error.

    Raises:
        SaveError: the state is asked for, and there is none, or it cannot be described.
    """
    if model._trainer is None:
        if (kept := kept_training(model)) is not None:
            return kept.renamed(model)
        if include_optimizer:
            raise SaveError(f'"{model.name}" is not compiled, so it has no optimizer to save. Leave it out.')
        return None, {}
    try:
        config = _config(model)
        record: dict[str, Any] = {"config": config, **names_in(config, f"{model.name}.compile")}
        if not include_optimizer:
            return record, {}
        state, tensors = _state(model)
        return {**record, "state": state}, tensors
    except SaveError as error:
        if include_optimizer:
            raise
        warnings.warn(
            f'"{model.name}" is saved without how it was compiled: {error}\n'
            "  Whoever loads it must call compile before training or evaluating.",
            stacklevel=4,
        )
        return None, {}


def split(contents: Contents) -> tuple[dict[str, StoredTensor], dict[str, StoredTensor]]:
    """Return the tensors of a file that are the model's weights, and those that are its optimizer's.

    Raises:
        LoadError: the description of the training names a tensor that is not there.
    """
    names = [name for _, _, name in optimizer_arrays(contents.metadata.get("training"))]
    own = set(names)
    if not own <= contents.tensors.keys() or len(own) != len(names):
        raise LoadError("the optimizer's state names tensors that the file does not have, or one twice.", code=_BAD)
    weights = {name: one for name, one in contents.tensors.items() if name not in own}
    return weights, {name: contents.tensors[name] for name in names}


def restore(model: Model, training: Any, tensors: Tensors, custom_objects: Mapping[str, Any] | None) -> None:
    """Compile a model as a file says, and give its optimizer the state that is there.

    Raises:
        LoadError: parts of it are not here ("missing-part"), or it is not what `describe` writes.
    """
    if not isinstance(training, dict) or not isinstance(training.get("config"), dict):
        raise LoadError("the description of the training is no object.", code=_BAD)
    try:
        with constructed(training, custom_objects) as arguments:
            if unknown := arguments.keys() - _ARGUMENTS:
                raise LoadError(f"the training has {sorted(unknown)!r:.200}, which no file sets.", code=_BAD)
            settings = arguments.pop("settings", None)
            if settings is not None:
                arguments["optimizer"] = functools.partial(arguments["optimizer"], **settings)
            model.compile(**arguments)
        if "state" in training:
            _take_state(model, training["state"], tensors)
    except LoadError as error:
        if error.code != "missing-part":
            raise
        raise LoadError(
            f"{error}\n  It is needed for training only:  load_model(..., compile=False)  leaves that out.",
            code=error.code,
        ) from error
    except Exception as error:  # whatever a damaged or hostile description leads to
        raise LoadError(
            f"the description of the training cannot be used: {type(error).__name__}: {error}", code=_BAD
        ) from error


def keep(model: Model, training: Any, tensors: Tensors, requires: Any) -> None:
    """Have a model that is loaded without its training saved with it again.

    Raises:
        LoadError: the training is not what `describe` writes.
    """
    if not isinstance(training, dict):
        raise LoadError("the description of the training is no object.", code=_BAD)
    try:
        kept = Kept(model, training, tensors, requires)
        kept.renamed(model)
    except (AttributeError, KeyError, TypeError) as error:
        raise LoadError(f"the description of the training cannot be used: {error!r:.200}", code=_BAD) from error
    model.__dict__["_kept_training"] = kept


def kept_training(model: Model) -> Kept | None:
    """Return what `keep` kept of a model's training, unless it was compiled since."""
    kept: Kept | None = model.__dict__.get("_kept_training")
    return kept if model._trainer is None else None


class Kept:
    """The training of a model that was loaded without it, so that it can be saved again without loss.

    Args:
        model: whose weights it speaks of by name.
        training: as the file has it.
        tensors: the optimizer's, by the file's names.
        requires: the versions of distributions, as the file has them.
    """

    def __init__(self, model: Model, training: dict[str, Any], tensors: Tensors, requires: Any) -> None:
        self._training, self._tensors = training, tensors
        self.requires = claimed_versions(requires)
        self._named = model.named_weights()

    def renamed(self, model: Model) -> tuple[dict[str, Any], Tensors]:
        """Return the training with the names that the weights have by now."""
        if "state" not in self._training:
            return self._training, {}
        weights = model.named_weights()
        now = {id(weight): name for name, weight in weights.items()}
        new = {old: now[id(weight)] for old, weight in self._named.items() if id(weight) in now}
        state = self._training["state"]
        values: dict[str, Any] = {new[name]: dict(held) for name, held in state["values"].items() if name in new}
        tensors = {}
        for weight, key, old in [*optimizer_arrays({"state": {"values": values}})]:
            name = _stored_name(weight, key, weights)
            values[weight][key] = {"$stored": name}
            tensors[name] = self._tensors[old]
        groups = [{**one, "params": [new[p] for p in one["params"] if p in new]} for one in state["groups"]]
        return {**self._training, "state": {"groups": groups, "values": values}}, dict(sorted(tensors.items()))


def _config(model: Model) -> dict[str, Any]:
    if type(model).compile is not Model.compile:
        raise SaveError(f"{type(model).__name__} has a compile of its own, and what that did is not known.")
    trainer = model.trainer
    config = {key: value for key, value in trainer.given.items() if value is not None}
    optimizer = trainer.optimizer
    if isinstance(optimizer, torch.optim.Optimizer) and not isinstance(optimizer, Optimizer):  # torch's
        config["settings"] = {key: value for key, value in optimizer.defaults.items() if value is not None}
        optimizer = type(optimizer)
    elif isinstance(optimizer, functools.partial):
        config["settings"], optimizer = dict(optimizer.keywords), optimizer.func
    encoded: dict[str, Any] = encode({**config, "optimizer": optimizer}, f"{model.name}.compile")
    return encoded


def _state(model: Model) -> tuple[dict[str, Any], Tensors]:
    optimizer = model.optimizer
    if not isinstance(optimizer, torch.optim.Optimizer) or not optimizer.state:
        raise SaveError(
            f'the optimizer of "{model.name}" has no state yet: the model was not trained since compile.\n'
            "  Leave include_optimizer out."
        )
    names = {id(param): name for name, param in model.named_parameters()}
    params = [param for group in optimizer.param_groups for param in group["params"]]
    if any(id(param) not in names for param in params):
        raise SaveError(
            f'the optimizer of "{model.name}" also trains parameters that are not the model\'s, so its state cannot be '
            "saved with it.\n  Leave include_optimizer out."
        )
    packed, where, weights = optimizer.state_dict(), f"the optimizer of {model.name}", model.named_weights()
    values: dict[str, Any] = {}
    tensors: Tensors = {}
    for number, held in packed["state"].items():
        name = names[id(params[number])]
        values[name] = {}
        for key, value in sorted(held.items()):
            if not isinstance(value, _NUMBERS):
                raise SaveError(
                    f"{type(optimizer).__name__} keeps {key} of {name!r} as {type(value).__name__}, and a file holds "
                    "numbers and tensors.\n  Leave include_optimizer out."
                )
            if isinstance(value, Tensor) and value.ndim:
                stored = _stored_name(name, key, weights)
                values[name][key], tensors[stored] = {"$stored": stored}, value
            else:
                values[name][key] = encode(value, where)
    groups = []
    for group in packed["param_groups"]:
        settings = {key: encode(value, where) for key, value in group.items() if key != "params" and value is not None}
        groups.append({"params": [names[id(params[number])] for number in group["params"]], "settings": settings})
    return {"groups": groups, "values": values}, dict(sorted(tensors.items()))  # a state's own order may be any


def _stored_name(weight: str, key: str, weights: Mapping[str, Tensor]) -> str:
    """Return what an array of the optimizer's state is called in a file: as no weight is."""
    name = f"optimizer.{weight}.{key}"
    while name in weights:
        name += "_"
    return name


def _take_state(model: Model, state: Any, tensors: Tensors) -> None:
    named, values = dict(model.named_parameters()), state["values"]
    groups = [(group["params"], _decoded(group["settings"])) for group in state["groups"]]
    order = [name for names, _ in groups for name in names]
    place = {name: number for number, name in enumerate(order)}
    if len(place) != len(order) or not named.keys() >= place.keys() >= values.keys():
        raise LoadError("the optimizer's state speaks of other weights than the model has.", code="weights-differ")
    made = model.optimizer
    if isinstance(made, Optimizer):
        made.bind([{"params": [(name, named[name]) for name in names]} for names, _ in groups])
        made.prepare([name in values for name in order])
    else:
        made = model.trainer.optimizer = made([{"params": [named[name] for name in names]} for names, _ in groups])
    arrays: dict[str, Tensors] = {name: {} for name in values}
    for name, key, stored in optimizer_arrays({"state": state}):
        arrays[name][key] = tensors[stored]
    plain = {name: {key: one for key, one in held.items() if key not in arrays[name]} for name, held in values.items()}
    held_by = {name: {**held, **arrays[name]} for name, held in _decoded(plain).items()}
    for name, held in held_by.items():
        _check_state(name, held, made.state.get(named[name]))
    made.load_state_dict({
        "state": {place[name]: held for name, held in held_by.items()},
        "param_groups": [{**settings, "params": [place[name] for name in names]} for names, settings in groups],
    })  # fmt: skip


def _decoded(values: Any) -> dict[str, Any]:
    with constructed({"config": values}) as made:
        return made


def _check_state(name: str, held: Mapping[str, Any], expected: Mapping[str, Any] | None) -> None:
    """Compare the state of a weight with what its optimizer made; torch's make none before a step."""
    theirs, mine = (
        {key: tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__ for key, value in one.items()}
        for one in (held, expected or {})
    )
    if mine and mine != theirs:
        raise LoadError(
            f"the optimizer's state of {name!r} is {theirs!r:.300} in the file, and this optimizer keeps {mine}.",
            code="weights-differ",
        )
    if not all(isinstance(value, _NUMBERS) for value in held.values()):
        raise LoadError(f"the optimizer's state of {name!r} holds what is no number.", code=_BAD)
