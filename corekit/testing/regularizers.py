"""What every regularizer must do: a weight in, a penalty out."""

from __future__ import annotations

from corekit.testing import functions
from corekit.testing.case import Case, leaves
from corekit.testing.compare import assert_shapes
from corekit.testing.functions import function_of
from corekit.testing.imports import import_budget
from corekit.testing.kit import CheckList, fail

CHECKS = CheckList("regularizers", minimum=12)

CHECKS.check(functions.side_effects)
CHECKS.once(functions.explains)


@CHECKS.check
def shapes(case: Case) -> None:
    """Penalties are added to the loss, a 0-d tensor: any other shape makes the loss one that cannot be derived."""
    got = leaves(function_of(case)(*case.inputs()))
    if not got:
        fail(case, expected="a tensor", got="none", fix="Return a tensor: x.square().sum(), without .item().")
    assert_shapes(case, [()], [tuple(one.shape) for one in got], on="the penalty", fix="Sum over all numbers: .sum().")


CHECKS.check(functions.dtypes)
CHECKS.check(functions.devices)
CHECKS.check(functions.inputs_stay)
CHECKS.check(functions.strides)
CHECKS.check(functions.repeats)
CHECKS.check(functions.gradients)
CHECKS.check(functions.second_gradients)
CHECKS.check(functions.nan_passes)
CHECKS.check(functions.extremes)
CHECKS.check(functions.config)
CHECKS.check(functions.copies)
CHECKS.once(functions.compiles)
CHECKS.once(import_budget)
