"""What every constraint must do: a weight in, the nearest allowed weight out."""

from __future__ import annotations

import torch

from corekit.testing import functions
from corekit.testing.case import Case, leaves
from corekit.testing.compare import assert_shapes
from corekit.testing.functions import function_of
from corekit.testing.imports import import_budget
from corekit.testing.kit import CheckList, fail

CHECKS = CheckList("constraints", minimum=11)

_STEPS = 60
_STILL = 1e-3

CHECKS.check(functions.side_effects)
CHECKS.once(functions.explains)


@CHECKS.check
def shapes(case: Case) -> None:
    """The result is copied into the weight: another shape is spread over it, or ends training with an error."""
    inputs = case.inputs()
    got = [tuple(one.shape) for one in leaves(function_of(case)(*inputs))]
    assert_shapes(case, [tuple(inputs[0].shape)], got, on="the result", fix="Use keepdim=True where norms are taken.")


@CHECKS.check
def settles(case: Case) -> None:
    """It is applied after every step: one that goes on changing an allowed weight drives it to 0 or to infinity."""
    function = function_of(case)
    (weight,) = case.inputs(torch.float64)
    for _ in range(_STEPS):
        weight = function(weight)
    again = function(weight)
    moved = float(((again - weight).abs() / (1e-3 + weight.abs())).max())
    if not moved <= _STILL:
        fail(
            case,
            on=f"a weight to which it was applied {_STEPS} times",
            expected="the same weight from one application more",
            got=f"{100 * moved:.3g} % change",
            fix="Return a weight that is allowed as it is.",
        )
    if not torch.isfinite(weight).all():
        fail(case, on=f"applied {_STEPS} times", expected="finite numbers", got="nan or inf", fix="Bound the result.")


CHECKS.check(functions.dtypes)
CHECKS.check(functions.devices)
CHECKS.check(functions.inputs_stay)
CHECKS.check(functions.strides)
CHECKS.check(functions.repeats)
CHECKS.check(functions.nan_passes)
CHECKS.check(functions.extremes)
CHECKS.check(functions.config)
CHECKS.check(functions.copies)
CHECKS.once(functions.compiles)
CHECKS.once(import_budget)
