"""What every layer must do, part five: come back from a config, a file, a state_dict, a pickle, and a break."""

from __future__ import annotations

import copy
import inspect
import io
import json
import pickle
import sys
import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from corekit.model.graph import Input
from corekit.model.model import Model
from corekit.protocols.dtype import dtype_name
from corekit.protocols.tree import leaves as values_in
from corekit.registry import registry
from corekit.registry.component import LOCAL
from corekit.saving.read import load_model
from corekit.testing.case import Case, leaves
from corekit.testing.compare import assert_annotated, assert_equal
from corekit.testing.kit import CheckList, Skip, fail
from corekit.testing.layer_calls import built, call, is_foreign, state_of, total

CHECKS = CheckList("layers", minimum=0)


@CHECKS.check
def config(case: Case) -> None:
    """A model file holds the config: an argument that is missing in it comes back as its default, and silently."""
    layer = built(case)
    described = layer.get_config()
    fix = "Let get_config return every argument of the constructor, or leave it out: arguments are recorded."
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    taken = inspect.signature(case.subject.value.__init__).parameters.values()
    missing = [one.name for one in list(taken)[1:] if one.kind in kinds and one.name not in described]
    if missing and not is_foreign(layer):
        fail(
            case,
            on="get_config()",
            expected="every argument of the constructor",
            got=f"no {', '.join(missing)}",
            fix=fix,
        )
    assert_annotated(case, type(layer), described)
    try:
        text = json.dumps(described)
    except TypeError as error:
        fail(
            case,
            on="get_config()",
            expected="what JSON can hold",
            got=str(error),
            fix="Return numbers, strings, lists and dicts; name a function by its registered name.",
        )
    again = type(layer).from_config(json.loads(text))
    _assert_same(case, layer, again, on="after from_config(get_config())", fix=fix)
    if json.loads(json.dumps(again.get_config())) != json.loads(text):
        fail(
            case,
            on="get_config() of the layer that from_config made",
            expected=text,
            got=json.dumps(again.get_config()),
            fix=fix,
        )


@CHECKS.check
def base_arguments(case: Case) -> None:
    """`name`, `trainable` and `dtype` are arguments of every layer, and a misspelt one must not be swallowed."""
    described = case.make().get_config()
    cls = type(case.make())
    given: dict[str, Any] = {"name": "mine", "trainable": False}
    if not is_foreign(case.make()):  # a torch module has a dtype of its own, or none
        given["dtype"] = "float64"
    layer = cls.from_config({**described, **given})
    fix = "Take **kwargs in __init__ and write super().__init__(**kwargs)."
    got = {"name": layer.name, "trainable": layer.trainable, "dtype": dtype_name(layer.dtype)}
    got = {name: got[name] for name in given}
    if got != given:
        fail(case, on=", ".join(f"{name}={value!r}" for name, value in given.items()), expected=given, got=got, fix=fix)
    layer(*case.inputs())
    if any(weight.requires_grad for weight in layer.parameters()):
        fail(
            case, on="trainable=False", expected="no trainable weight", got="some", fix="Make weights with add_weight."
        )
    try:
        cls.from_config({**described, "colour": 1})
    except Exception:  # others refuse it in words of their own
        return
    fail(
        case,
        on="an argument called colour",
        expected="an error",
        got="no error",
        fix="Hand all of **kwargs to super().__init__, which refuses what nobody knows.",
    )


@CHECKS.check
def file(case: Case) -> None:
    """`model.save` and `load_model` are how a trained model leaves the program: what they lose is lost."""
    layer = built(case)
    with _known(case), tempfile.TemporaryDirectory() as folder:
        symbols = [_symbols(spec) for spec in case.example.inputs]
        model = Model(list(values_in(symbols)), layer(*symbols))
        path = Path(folder) / "model.safetensors"
        model.save(path)
        loaded: Any = load_model(path)
    inputs = list(values_in(list(case.inputs())))
    given = inputs if len(inputs) > 1 else inputs[0]
    on, fix = "after model.save and load_model", "Keep all state in weights (add_weight), and get_config complete."
    for training in (False, True):
        expected = call(model, (given,), seed=1, training=training)
        assert_equal(case, expected, call(loaded, (given,), seed=1, training=training), on=on, fix=fix)
    assert_equal(case, leaves(model.weights), leaves(loaded.weights), on=on, fix=fix)


@CHECKS.check
def state(case: Case) -> None:
    """A checkpoint is the state_dict: what a layer learns and keeps elsewhere is back at its start after a restart."""
    layer = built(case)
    call(layer, case.inputs(seed=9), training=True)
    other = case.make()
    call(other, case.inputs())
    fix = "Make all that changes in training with add_weight(trainable=False), and change it in place."
    held = {id(value) for value in layer.state_dict(keep_vars=True).values()}
    missing = [name for name, weight in layer.named_weights().items() if id(weight) not in held]
    if missing:
        fail(case, on="state_dict()", expected="every weight", got=f"no {', '.join(missing)}", fix=fix)
    other.load_state_dict(layer.state_dict(), strict=True)
    _assert_same(case, layer, other, on="after load_state_dict(state_dict())", fix=fix, load=False)


@CHECKS.check
def resumes(case: Case) -> None:
    """A job that is killed goes on from its checkpoint: with one bit lost, the run cannot be repeated or compared."""
    first = built(case)
    optimizer = _optimizer(first)
    for step in range(3):
        _step(case, first, optimizer, step)
    stored = io.BytesIO()
    torch.save((first.state_dict(), optimizer and optimizer.state_dict(), torch.get_rng_state()), stored)
    expected = [_step(case, first, optimizer, step) for step in (3, 4, 5)]

    second = case.make()
    call(second, case.inputs())
    stored.seek(0)
    kept, kept_by_optimizer, generator = torch.load(stored, weights_only=True)
    second.load_state_dict(kept)
    again = _optimizer(second)
    if again is not None:
        again.load_state_dict(kept_by_optimizer)
    torch.set_rng_state(generator)
    for step, wanted in zip((3, 4, 5), expected, strict=True):
        assert_equal(
            case,
            wanted,
            _step(case, second, again, step),
            exact=True,
            on=f"step {step - 2} after three steps, state_dict() and load_state_dict() into a new layer",
            fix="Keep all that a step depends on in weights or buffers: counters too, and no Python attribute.",
        )


@CHECKS.check
def pickles(case: Case) -> None:
    """DataLoader workers, multiprocessing and `torch.save(model)` pickle: a lambda in a layer ends them all."""
    cls = case.subject.value
    if getattr(sys.modules.get(cls.__module__), cls.__qualname__, None) is not cls:
        raise Skip(f"{cls.__qualname__} is no top-level name of a module, so Python cannot pickle it")
    layer = built(case)
    try:
        twin = pickle.loads(pickle.dumps(layer))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        fail(
            case,
            on="pickle.dumps(layer)",
            expected="bytes",
            got=str(error),
            fix="Keep no lambda, generator, lock or open file in a layer.",
        )
    _assert_same(case, layer, twin, on="after a pickle", load=False, fix="Leave __getstate__ and __reduce__ to torch.")


@CHECKS.check
def copies(case: Case) -> None:
    """`copy.deepcopy` is how averages of weights and cross-validation keep a model: a shared weight spoils both."""
    layer = built(case)
    if not layer.state_dict():
        raise Skip("it has no weights")
    expected = call(layer, case.inputs())
    twin = copy.deepcopy(layer)
    with torch.no_grad():
        for weight in layer.state_dict().values():
            weight.zero_()
    assert_equal(
        case,
        expected,
        call(twin, case.inputs()),
        on="a deep copy, after the first one's weights were zeroed",
        fix="Hold weights as attributes (add_weight), not in closures or module globals.",
    )


def _assert_same(case: Case, layer: Any, again: Any, *, on: str, fix: str, load: bool = True) -> None:
    """Fail where two layers differ in inference, in training, or in the state that training leaves."""
    again.eval()
    if load:
        call(again, case.inputs())
        again.load_state_dict(layer.state_dict())
    for training in (False, True):
        expected = call(layer, case.inputs(), seed=1, training=training)
        got = call(again, case.inputs(), seed=1, training=training)
        assert_equal(case, expected, got, on=f"{on}, training={training}", fix=fix)
    assert_equal(case, state_of(layer), state_of(again), on=f"its state {on} and a training call", fix=fix)
    assert_equal(case, call(layer, case.inputs()), call(again, case.inputs()), on=f"{on} and a training call", fix=fix)


def _optimizer(layer: Any) -> Any:
    weights = [weight for weight in layer.parameters() if weight.requires_grad]
    return torch.optim.SGD(weights, lr=0.01, momentum=0.9) if weights else None


def _step(case: Case, layer: Any, optimizer: Any, step: int) -> list[Tensor]:
    """Take one training step, and return what came out and the state after it."""
    outputs = leaves(layer(*case.inputs(seed=20 + step), training=True))
    if optimizer is not None:
        optimizer.zero_grad()
        loss = total(outputs) + sum(layer.losses)
        if loss.requires_grad:
            loss.backward()
            optimizer.step()
    layer.clear_losses()
    return [one.detach().clone() for one in outputs] + list(state_of(layer).values())


def _symbols(spec: Any) -> Any:
    if isinstance(spec, list):
        return [_symbols(one) for one in spec]
    return Input(shape=spec.shape, dtype=spec.dtype) if spec.dtype else Input(shape=spec.shape)


def _known(case: Case) -> AbstractContextManager[Any]:
    """Return a context in which a class of this program is registered."""
    subject = case.subject
    if not subject.id.startswith(f"{LOCAL}:"):
        return nullcontext()
    return _Registered(subject.kind, subject.name, subject.value)


class _Registered:
    """A context in which a class is known by its name, whatever is known by it outside."""

    def __init__(self, kind: str, name: str, value: Any) -> None:
        self.known, self.inside = (kind, name, value), registry.isolated()

    def __enter__(self) -> None:
        self.inside.__enter__().add_local(*self.known)

    def __exit__(self, *error: Any) -> None:
        self.inside.__exit__(*error)
