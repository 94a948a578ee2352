"""The model file, weights alone, and files for other programs. Lazy: importing this imports no torch."""

from importlib import import_module as _import_module
from typing import Any as _Any

_WHERE = {
    "save_model": "corekit.saving.write",
    "load_model": "corekit.saving.read",
    "export_model": "corekit.saving.export",
    "save_weights": "corekit.saving.weights",
    "load_weights": "corekit.saving.weights",
    "register_keras_serializable": "corekit.model.register",
}

__all__ = list(_WHERE)


def __getattr__(name: str) -> _Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_import_module(_WHERE[name]), name)
