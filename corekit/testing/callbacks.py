"""What every callback must do: have hooks that are called as Keras calls them, and leave training as it is."""

from __future__ import annotations

import contextlib
import copy
import inspect
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from corekit.errors import CorekitError
from corekit.model.register import register
from corekit.model.sequential import Sequential
from corekit.protocols.callback import Callback
from corekit.protocols.layer import Layer
from corekit.protocols.optimizer import Optimizer
from corekit.registry import registry
from corekit.testing.case import Case
from corekit.testing.compare import assert_equal
from corekit.testing.effects import watched
from corekit.testing.every_kind import names, rebuilt, stirred
from corekit.testing.imports import import_budget
from corekit.testing.kit import CheckList, fail

CHECKS = CheckList("callbacks", minimum=8)

_EPOCHS = 3
_HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))
_AS_KERAS = "Write hooks as Keras has them: def on_epoch_end(self, epoch, logs=None)."


@dataclass(frozen=True)
class Run:
    """What came of a small training: weights, history, epochs, and where torch's random generator was at its end."""

    weights: list[Tensor]
    history: dict[str, list[float]]
    epochs: int
    generator: Tensor


@CHECKS.check
def runs(case: Case) -> None:
    """`fit`, `evaluate` and `predict` call every hook: one that raises ends a training of days."""
    made = case.make()
    with _place():
        model = _model()
        x, y = _data()
        uses: tuple[tuple[str, Callable[[], Any]], ...] = (
            ("fit with validation", lambda: _fit(model, [made])),
            ("fit from epoch 2 on", lambda: _fit(model, [case.make()], initial_epoch=2, epochs=4)),
            ("evaluate", lambda: model.evaluate(x, y, verbose=0, callbacks=[made])),
            ("predict", lambda: model.predict(x, verbose=0, callbacks=[made])),
        )
        for what, use in uses:
            try:
                use()
            except Exception as error:
                fail(case, on=what, expected="no error", got=f"{type(error).__name__}: {error}", fix=_AS_KERAS)


@CHECKS.check
def hook_names(case: Case) -> None:
    """A hook whose name is misspelt is never called, and nobody is told: the checkpoint is missing when needed."""
    own = [name for cls in case.subject.value.__mro__ for name in vars(cls) if name.startswith("on_")]
    if strange := sorted({*own} - {*_HOOKS}):
        fail(
            case,
            on="its methods",
            expected=f"hooks of corekit.Callback: {', '.join(_HOOKS)}",
            got=strange[0],
            fix="Correct the name, or begin it with an underscore where it is none.",
        )


@CHECKS.check
def hook_arguments(case: Case) -> None:
    """Other programs call hooks too, with or without logs, by place or by name: Keras's signature takes all."""
    for hook in _own_hooks(case):
        signature = inspect.signature(getattr(case.subject.value, hook))
        first = list(inspect.signature(getattr(Callback, hook)).parameters)[1:-1]
        places = [0] * len(first)
        for shown, given, named in (
            ("(…, logs)", (None, *places, {}), {}),
            ("(…)", (None, *places), {}),
            ("(…, logs=logs)", (None, *places), {"logs": {}}),
            ("by names", (None,), {**dict.fromkeys(first, 0), "logs": {}}),
        ):
            try:
                signature.bind(*given, **named)
            except TypeError as error:
                wanted = f"{hook}({', '.join(['self', *first, 'logs=None'])})"
                fail(case, on=f"{hook} called {shown}", expected=wanted, got=str(error), fix=_AS_KERAS)


@CHECKS.check
def without_logs(case: Case) -> None:
    """logs may be None: a hook that needs a value must say which, not end in an error about NoneType."""
    for hook in _own_hooks(case):
        made, places = case.make(), len(inspect.signature(getattr(Callback, hook)).parameters) - 2
        with _place():
            made.set_model(_model())
            made.set_params({"epochs": 1, "steps": 1, "verbose": 0})
            try:
                if hook != "on_train_begin":
                    made.on_train_begin()
                getattr(made, hook)(*[0] * places)
            except CorekitError:
                continue  # it says what it lacks
            except Exception as error:
                fail(
                    case,
                    on=f"{hook} without logs",
                    expected="no error, or a CorekitError that says what is missing",
                    got=f"{type(error).__name__}: {error}",
                    fix="Write  logs = logs or {}  and look before you read.",
                )


@CHECKS.check
def leaves_training_alone(case: Case) -> None:
    """A callback that watches must not change what it watches: weights, or the random numbers of the batches."""
    expected, got = _run([]), _run([case.make()])
    on = f"the weights after {got.epochs} epochs, against a training without it"
    fix = "Read, do not write; draw from a generator of your own. If it is meant to steer, declare it:\n"
    fix += '  @ck.known_failure("leaves_training_alone", "it ends the training")'
    if got.epochs != expected.epochs:
        fail(case, on="a training with it", expected=f"{expected.epochs} epochs", got=got.epochs, fix=fix)
    assert_equal(case, expected.weights, got.weights, exact=True, on=on, fix=fix)
    assert_equal(
        case, expected.generator, got.generator, exact=True, on="torch's random generator after a training", fix=fix
    )
    for name, values in expected.history.items():
        if got.history.get(name) != values:
            fail(case, on=f'"{name}" of the history', expected=values, got=got.history.get(name), fix=fix)


@CHECKS.check
def twice(case: Case) -> None:
    """Notebooks call `fit` again with the same callback: what it kept of the first run decides in the second one."""
    made = case.make()
    first, second = _run([made]), _run([made])
    fix = "Set what changes in on_train_begin, not in __init__."
    if first.epochs != second.epochs:
        fail(
            case,
            on="a second fit with the same object",
            expected=f"{first.epochs} epochs as in the first",
            got=second.epochs,
            fix=fix,
        )
    assert_equal(
        case, first.weights, second.weights, exact=True, on="the weights of a second fit with the same object", fix=fix
    )


@CHECKS.check
def knows_its_model(case: Case) -> None:
    """`self.model` and `self.params` are how hooks get at weights and figures: overridden setters lose them."""
    made = case.make()
    with _place():
        model = _model()
        _fit(model, [made])
    if made.model is not model:
        fail(
            case,
            on="self.model after fit",
            expected="the model that was trained",
            got=made.model,
            fix="Call super().set_model(model), or leave it to the base.",
        )
    if made.params.get("epochs") != _EPOCHS:
        fail(
            case,
            on="self.params after fit",
            expected=f'"epochs": {_EPOCHS}',
            got=dict(made.params),
            fix="Call super().set_params(params), or leave it to the base.",
        )


@CHECKS.check
def config(case: Case) -> None:
    """Programs write down how a run was made: an argument that is missing there cannot be repeated."""
    made = case.make()
    again = rebuilt(case, made, as_json=False)
    first, second = _run([made]), _run([again])
    assert_equal(
        case,
        first.weights,
        second.weights,
        exact=True,
        on="a training with from_config(get_config())",
        fix="Let get_config return every argument, or leave it out: arguments are recorded.",
    )
    if made.get_config() != again.get_config():
        fail(
            case,
            on="from_config(get_config())",
            expected=made.get_config(),
            got=again.get_config(),
            fix="Let get_config return every argument, or leave it out: arguments are recorded.",
        )


@CHECKS.check
def copies(case: Case) -> None:
    """Tuners copy callbacks for each trial: what two copies share, one trial tells the other."""
    made = case.make()
    _run([made])
    first, second = _run([copy.deepcopy(case.make())]), _run([case.make()])
    if first.epochs != second.epochs:
        fail(
            case,
            on="a deep copy",
            expected=f"{second.epochs} epochs",
            got=first.epochs,
            fix="Keep what changes in attributes of the object, not in the class.",
        )
    assert_equal(
        case,
        second.weights,
        first.weights,
        exact=True,
        on="a training with a deep copy",
        fix="Keep what changes in attributes of the object, not in the class.",
    )


@CHECKS.check
def side_effects(case: Case) -> None:
    """A callback that seeds, prints or sets a global does so to everything else in the program."""
    _run([case.make()])
    with _place():
        model, made = _model(), case.make()
        with watched(allowed=("torch's random generator",)) as plain:
            _fit(model, [])
        with stirred(), watched(allowed=("torch's random generator",)) as found:
            _fit(model, [made])
    if extra := [effect for effect in found if effect not in plain]:
        fail(
            case,
            on="what else changed in a fit with it",
            expected="nothing",
            got="; ".join(extra),
            fix="Leave settings of the process to its owner; print only where verbose says so.",
        )


class KitLine(Layer):
    """A line through a cloud of points: the only layer of the model that callbacks watch."""

    def build(self, input_shape: Any) -> None:
        """Make the slopes."""
        self.slope = self.add_weight(shape=(input_shape[-1], 1), name="slope")

    def call(self, inputs: Tensor) -> Tensor:
        """Return its height."""
        height: Tensor = inputs @ self.slope
        return height


class KitDescent(Optimizer):
    """Gradient descent: the only optimizer that callbacks watch."""

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Tensor], learning_rate: Tensor) -> None:
        """Go down the slope."""
        param.sub_(learning_rate * grad)


def _own_hooks(case: Case) -> list[str]:
    """Return the hooks that its class writes."""
    return [hook for hook in _HOOKS if getattr(case.subject.value, hook) is not getattr(Callback, hook)]


def _data() -> tuple[Tensor, Tensor]:
    generator = torch.Generator("cpu").manual_seed(0)
    x = torch.rand((12, 3), generator=generator)
    return x, x.sum(dim=1, keepdim=True)


def _model() -> Any:
    """Return a model that is not trained, equal each time."""
    model = Sequential([KitLine(dtype="float32")])
    x, _ = _data()
    model(x)
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(0.1)
    model.compile(optimizer=KitDescent(0.05), loss=kit_squared_error, jit_compile=False)
    return model


def _fit(model: Any, callbacks: list[Any], *, initial_epoch: int = 0, epochs: int = _EPOCHS) -> Any:
    x, y = _data()
    return model.fit(
        x,
        y,
        batch_size=4,
        epochs=epochs,
        initial_epoch=initial_epoch,
        verbose=0,
        callbacks=callbacks,
        validation_data=(x[:5], y[:5]),
    )


def _run(callbacks: list[Any]) -> Run:
    """Train a new model, shuffled from a seed, in a folder of its own."""
    with _place():
        torch.manual_seed(3)
        model = _model()
        history = _fit(model, callbacks)
        state = torch.get_rng_state()
    weights = [weight.detach().clone() for weight in model.parameters()]
    return Run(weights, {name: list(values) for name, values in history.history.items()}, len(history.epoch), state)


@contextlib.contextmanager
def _place() -> Iterator[None]:
    """A context in an empty folder, where a callback may write, and in which the model can be saved."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), registry.isolated():
        for part in (KitLine, KitDescent):
            register(part)
        register(kit_squared_error, kind="losses")
        yield


def kit_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return the mean square of the errors, the loss that callbacks watch."""
    return (y_true - y_pred).square().mean(-1)


CHECKS.once(import_budget)
CHECKS.once(names)
