"""`corekit.register`: makes a class of the user's own program known by name, so that its models can be saved."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from corekit.errors import ArgumentTypeError
from corekit.protocols.callback import Callback
from corekit.protocols.layer import Layer
from corekit.protocols.loss import Loss
from corekit.protocols.metric import Metric
from corekit.protocols.optimizer import Optimizer
from corekit.protocols.schedule import LearningRateSchedule
from corekit.protocols.weights import Constraint, Initializer, Regularizer
from corekit.registry import registry

_KINDS: dict[type, str] = {
    Layer: "layers",
    Optimizer: "optimizers",
    Loss: "losses",
    Metric: "metrics",
    Initializer: "initializers",
    Regularizer: "regularizers",
    Constraint: "constraints",
    LearningRateSchedule: "schedules",
    Callback: "callbacks",
}


def register(value: Any = None, *, name: str | None = None, kind: str | None = None) -> Any:
    """Register a class or function of this program for this process, under the id `local:Name`.

    Only saving and loading need it; training and calling do not. Write it above the class: `@corekit.register` or
    `@corekit.register("name")`.

    Args:
        value: the class or function; or the name, as the decorator's one argument.
        name: default the object's own name.
        kind: needed only for a function that is not an activation, such as "losses".

    Raises:
        ArgumentTypeError: its kind cannot be told.

    Example:
        >>> @register
        ... class Doubled(Layer):
        ...     def call(self, inputs):
        ...         return 2 * inputs
        >>> registry.find("layers", "local:Doubled").id
        'local:Doubled'
    """
    if value is None or isinstance(value, str):
        return _decorator(value or name, kind)
    registry.add_local(kind or _kind_of(value), name or value.__name__, value)
    return value


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """Keras's spelling of `register`. The package plays no part: an id is `local:Name`."""
    return _decorator(name, None)


def _decorator(name: str | None, kind: str | None) -> Callable[[Any], Any]:
    return lambda value: register(value, name=name, kind=kind)


def _kind_of(value: Any) -> str:
    if isinstance(value, type):
        for base, kind in _KINDS.items():
            if issubclass(value, base):
                return kind
    elif inspect.isroutine(value):
        return "activations"
    raise ArgumentTypeError(
        f"corekit.register({value!r}): cannot tell what kind of part it is. Derive the class from corekit.Layer, "
        'Loss, Metric, ..., or write corekit.register(kind="layers").'
    )
