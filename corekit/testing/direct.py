"""The kit for a class or a function that is at hand: raises at the first check that fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corekit.protocols.example import Example, Values, example, examples_of
from corekit.testing.case import subject_of
from corekit.testing.kit import Failure, Outcome, run

WHOLE: dict[str, tuple[Values, ...]] = {
    "activations": (Values((4, 3), low=-3, high=3),),
    "regularizers": (Values((4, 3)),),
    "constraints": (Values((4, 3), low=-2, high=2),),
}
"""What is tried where no input is given and none declared."""


def check_layer(layer: type, *inputs: Any, only: tuple[str, ...] = (), **arguments: Any) -> list[Outcome]:
    """Check a layer class, on what `@corekit.example` declares or on what is given here.

    Args:
        layer: a Layer, or any `nn.Module` class.
        inputs: shapes without the batch, as in `corekit.example`.
        only: names of checks; default all.
        arguments: of the constructor.

    Returns:
        What came of each check.

    Raises:
        Failure: at the first check that failed.

    Example:
        >>> import torch
        >>> [one.status for one in check_layer(torch.nn.Linear, (4,), in_features=4, out_features=2, only=("shapes",))]
        ['passed']
    """
    return _checked("layers", layer, inputs, arguments, only)


def check_activation(
    activation: Callable[..., Any], *inputs: Any, only: tuple[str, ...] = (), **arguments: Any
) -> list[Outcome]:
    """Check a function of one tensor as an activation.

    Args:
        activation: the function.
        inputs: one whole shape, or `corekit.Values`; default (4, 3), between -3 and 3.
        only: names of checks; default all.
        arguments: keywords of the call.

    Returns:
        What came of each check.

    Raises:
        Failure: at the first check that failed.

    Example:
        >>> import torch
        >>> [one.status for one in check_activation(torch.tanh, only=("gradients",))]
        ['passed']
    """
    return _checked("activations", activation, inputs, arguments, only)


def check_initializer(initializer: type, *inputs: Any, only: tuple[str, ...] = (), **arguments: Any) -> list[Outcome]:
    """Check a class of initializers.

    Args:
        initializer: the class.
        inputs: the shape of a weight, with None where a size may be any; default (None, None).
        only: names of checks; default all.
        arguments: of the constructor.

    Returns:
        What came of each check.

    Raises:
        Failure: at the first check that failed.

    Example:
        >>> from corekit.initializers import RandomNormal
        >>> [one.status for one in check_initializer(RandomNormal, stddev=0.5, only=("seeds",))]
        ['passed']
    """
    return _checked("initializers", initializer, inputs, arguments, only)


def check_regularizer(regularizer: type, *inputs: Any, only: tuple[str, ...] = (), **arguments: Any) -> list[Outcome]:
    """Check a class of regularizers; the arguments are those of `check_initializer`, with a weight of shape (4, 3).

    Example:
        >>> from corekit.regularizers import L2
        >>> [one.status for one in check_regularizer(L2, (4, 3), l2=0.1, only=("gradients",))]
        ['passed']
    """
    return _checked("regularizers", regularizer, inputs, arguments, only)


def check_constraint(constraint: type, *inputs: Any, only: tuple[str, ...] = (), **arguments: Any) -> list[Outcome]:
    """Check a class of constraints; the arguments are those of `check_initializer`, with a weight of shape (4, 3).

    Example:
        >>> from corekit.constraints import NonNeg
        >>> [one.status for one in check_constraint(NonNeg, only=("settles",))]
        ['passed']
    """
    return _checked("constraints", constraint, inputs, arguments, only)


def check_optimizer(optimizer: type, *, only: tuple[str, ...] = (), **arguments: Any) -> list[Outcome]:
    """Check an optimizer class, corekit's or torch's kind; as `check_layer` otherwise.

    Example:
        >>> import torch
        >>> [one.status for one in check_optimizer(torch.optim.SGD, only=("lowers_a_loss", "resumes"), lr=0.1)]
        ['passed', 'passed']
    """
    return _checked("optimizers", optimizer, (), arguments, only)


def check_schedule(schedule: type, *, only: tuple[str, ...] = (), **arguments: Any) -> list[Outcome]:
    """Check a learning-rate schedule; as `check_layer` otherwise.

    Example:
        >>> from corekit.schedules import ExponentialDecay
        >>> given = {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}
        >>> [one.status for one in check_schedule(ExponentialDecay, only=("pure", "finite"), **given)]
        ['passed', 'passed']
    """
    return _checked("schedules", schedule, (), arguments, only)


def check_loss(loss: Any, *inputs: Any, only: tuple[str, ...] = (), **arguments: Any) -> list[Outcome]:
    """Check a loss class, or a function of (y_true, y_pred); as `check_layer` otherwise.

    Example:
        >>> def squares(y_true, y_pred):
        ...     return (y_true - y_pred).square().mean(dim=-1)
        >>> [one.status for one in check_loss(squares, (3,), (3,), only=("gradients", "batch_independence"))]
        ['passed', 'passed']
    """
    return _checked("losses", loss, inputs, arguments, only)


def check_metric(metric: Any, *inputs: Any, only: tuple[str, ...] = (), **arguments: Any) -> list[Outcome]:
    """Check a metric class, or a function of (y_true, y_pred); as `check_layer` otherwise.

    Example:
        >>> from corekit.metrics import MeanSquaredError
        >>> [one.status for one in check_metric(MeanSquaredError, (3,), (3,), only=("parts", "resets"))]
        ['passed', 'passed']
    """
    return _checked("metrics", metric, inputs, arguments, only)


def check_callback(callback: type, *, only: tuple[str, ...] = (), **arguments: Any) -> list[Outcome]:
    """Check a callback class; as `check_layer` otherwise.

    Example:
        >>> from corekit.callbacks import EarlyStopping
        >>> [one.status for one in check_callback(EarlyStopping, only=("hook_names", "twice"), patience=2)]
        ['passed', 'passed']
    """
    return _checked("callbacks", callback, (), arguments, only)


def check_op(op: Any, *inputs: Any, only: tuple[str, ...] = (), **arguments: Any) -> list[Outcome]:
    """Check an op, a function of tensors or a torch custom op; `inputs` are whole shapes.

    Example:
        >>> def squares(x):
        ...     return x * x
        >>> [one.status for one in check_op(squares, (4, 3), only=("gradients", "strides", "fake_shapes"))]
        ['passed', 'passed', 'passed']
    """
    return _checked("ops", op, inputs, arguments, only)


def _checked(
    kind: str, value: Any, inputs: tuple[Any, ...], arguments: dict[str, Any], only: tuple[str, ...]
) -> list[Outcome]:
    given: tuple[Example, ...] = ()
    if inputs or arguments:
        if not inputs:  # the arguments that are given, on the inputs that are declared or usual
            known = subject_of(value, kind).examples
            inputs = known[0].inputs if known else WHOLE.get(kind, ())
        holder = type("holder", (), {})
        given = examples_of(example(*inputs, **arguments)(holder))
    outcomes = run([subject_of(value, kind, examples=given)], only)
    for outcome in outcomes:
        if outcome.status == "failed":
            raise Failure(f"{outcome.check}: {outcome.message}\n{outcome.story}")
    return outcomes
