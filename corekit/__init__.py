"""Keras-shaped deep learning on PyTorch in which every part is a plugin.

Importing this imports neither torch nor numpy nor any plugin; each name below is fetched at its first use.

Example:
    >>> import corekit as ck
    >>> model = ck.Sequential([ck.layers.Dense(2, input_shape=(3,))])
    >>> model.count_params()
    8
"""

from importlib import import_module as _import_module
from typing import Any as _Any

__version__ = "0.1.0"

_WHERE = {
    "Layer": "corekit.protocols.layer",
    "DTypePolicy": "corekit.protocols.precision",
    "Optimizer": "corekit.protocols.optimizer",
    "Loss": "corekit.protocols.loss",
    "Metric": "corekit.protocols.metric",
    "Callback": "corekit.protocols.callback",
    "Initializer": "corekit.protocols.weights",
    "Regularizer": "corekit.protocols.weights",
    "Constraint": "corekit.protocols.weights",
    "LearningRateSchedule": "corekit.protocols.schedule",
    "Model": "corekit.model.model",
    "Sequential": "corekit.model.sequential",
    "Input": "corekit.model.graph",
    "layer": "corekit.model.wrap",
    "register": "corekit.model.register",
    "load_model": "corekit.saving",
    "Values": "corekit.protocols.example",
    "example": "corekit.protocols.example",
    "known_failure": "corekit.protocols.example",
    "reference": "corekit.protocols.reference",
    "hookimpl": "corekit.registry.hooks",
    "plugins": "corekit.registry.policy",
    "prefer": "corekit.registry.policy",
    "CorekitError": "corekit.errors",
}
_NAMESPACES = [
    "layers",
    "optimizers",
    "losses",
    "metrics",
    "activations",
    "initializers",
    "regularizers",
    "constraints",
    "schedules",
    "callbacks",
    "ops",
    "utils",
    "config",
    "mixed_precision",
    "models",
    "saving",
    "testing",
    "errors",
    "registry",
]

__all__ = [*_WHERE, *_NAMESPACES, "get"]


def get(kind: str, name: str) -> _Any:
    """Return the component of that name or id: `get("layers", "corekit-einops:Rearrange")`."""
    from corekit.registry import registry

    return registry.get(kind, name)


def __getattr__(name: str) -> _Any:
    if name in _WHERE:
        value = getattr(_import_module(_WHERE[name]), name)
    elif name in _NAMESPACES:
        value = _import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
