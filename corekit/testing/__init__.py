"""The conformance kit: what a layer, an optimizer, a loss must do, beyond its own numbers, to be used by strangers.

    from corekit.testing import parametrize_with_checks

    @parametrize_with_checks("my-plugin")
    def test_contract(check):
        check()

is all that a plugin's tests need; `check_layer(MyLayer)` and its like do the same for a class of a program. Lazy:
importing this imports no torch.
"""

from importlib import import_module as _import_module
from typing import Any as _Any

_WHERE = {
    "parametrize_with_checks": "corekit.testing.parametrize",
    "check_layer": "corekit.testing.direct",
    "check_activation": "corekit.testing.direct",
    "check_initializer": "corekit.testing.direct",
    "check_regularizer": "corekit.testing.direct",
    "check_constraint": "corekit.testing.direct",
    "check_callback": "corekit.testing.direct",
    "check_loss": "corekit.testing.direct",
    "check_metric": "corekit.testing.direct",
    "check_op": "corekit.testing.direct",
    "check_optimizer": "corekit.testing.direct",
    "check_schedule": "corekit.testing.direct",
    "Failure": "corekit.testing.kit",
    "Skip": "corekit.testing.kit",
}

__all__ = list(_WHERE)


def __getattr__(name: str) -> _Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_import_module(_WHERE[name]), name)
