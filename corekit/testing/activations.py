"""What every activation must do: a tensor in, a tensor of the same shape out."""

from __future__ import annotations

import torch

from corekit.testing import functions
from corekit.testing.case import Case, leaves
from corekit.testing.compare import assert_equal, assert_shapes
from corekit.testing.drawing import for_all
from corekit.testing.functions import function_of
from corekit.testing.imports import import_budget
from corekit.testing.kit import CheckList, Skip, fail

CHECKS = CheckList("activations", minimum=12)

CHECKS.check(functions.side_effects)
CHECKS.once(functions.explains)


@CHECKS.check
def shapes(case: Case) -> None:
    """A layer foretells its shape without its activation, which must not change it, in an empty batch neither."""
    function = function_of(case)

    def agree(rows: int, columns: int) -> None:
        for shape in ((rows, columns), (rows, columns, 2)):
            x = torch.rand(shape, generator=torch.Generator().manual_seed(rows))
            got = [tuple(one.shape) for one in leaves(function(x))]
            assert_shapes(case, [shape], got, on=f"input of shape {shape}", fix="Return one value for each number.")

    for_all(agree, rows=(0, 5), columns=(1, 5))


CHECKS.check(functions.dtypes)
CHECKS.check(functions.devices)
CHECKS.check(functions.inputs_stay)
CHECKS.check(functions.strides)
CHECKS.check(functions.repeats)
CHECKS.check(functions.gradients)
CHECKS.check(functions.second_gradients)
CHECKS.check(functions.nan_passes)
CHECKS.check(functions.extremes)


@CHECKS.once
def rows_alone(case: Case) -> None:
    """The first axis is the batch: as declared first, no sample's output may depend on the other samples."""
    (x,) = case.inputs()
    function = function_of(case)
    whole = function(x)
    for index in range(x.shape[0]):
        assert_equal(
            case,
            whole[index : index + 1],
            function(x[index : index + 1]),
            on=f"row {index} without the others",
            fix="Take sums and largest values along the last axis (dim=-1), not over the whole tensor.",
        )


@CHECKS.check
def never_falls(case: Case) -> None:
    """An activation that says `never_falls` may be applied after a max pool instead of before: else results change."""
    if not getattr(case.subject.value, "never_falls", False):
        raise Skip("it does not say never_falls")
    x = torch.linspace(-10, 10, 2001, dtype=torch.float64)
    y = function_of(case)(x)
    fallen = (y[1:] < y[:-1] - 1e-12).nonzero()
    if len(fallen):
        at = int(fallen[0])
        fail(
            case,
            on=f"x from {x[at]:.2f} to {x[at + 1]:.2f}",
            expected="a value that does not fall",
            got=f"{y[at]:.6g}, then {y[at + 1]:.6g}",
            fix="Take never_falls away.",
        )


@CHECKS.once
def link(case: Case) -> None:
    """A loss with the same link is given logits, and applies its own function: a wrong link trains another model."""
    named = getattr(case.subject.value, "link", None)
    known = {"sigmoid": torch.sigmoid, "softmax": lambda x: torch.softmax(x, -1)}
    if named not in known:
        raise Skip("it has no link" if named is None else f'nobody knows what link = "{named}" computes')
    (x,) = case.inputs()
    assert_equal(
        case, known[named](x), function_of(case)(x), on=f'link = "{named}"', fix="Take the link away, or correct it."
    )


CHECKS.once(functions.compiles)
CHECKS.once(functions.copies)
CHECKS.once(import_budget)
