"""Ops that are right but for one fault: the kit finds each, by the check that is meant to, and names it."""

import random
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

import corekit as ck
from corekit.testing import check_op
from corekit.testing.case import subject_of
from corekit.testing.kit import checks_for, run, run_check

SHAPES = ((5, 4), (4,))
CHEAP = (
    "gradients",
    "second_gradients",
    "dtypes",
    "autocast",
    "strides",
    "sizes",
    "devices",
    "fake_shapes",
    "in_a_model",
)


@ck.example(*SHAPES)
def scaled_squares(x: Tensor, scale: Tensor) -> Tensor:
    """Right, of torch's own operations."""
    return x * x * scale


def scaled_squares_reference(x: Tensor, scale: Tensor) -> Tensor:
    return x.square() * scale


@dataclass
class Fault:
    function: Any
    check: str
    word: str


FAULTS = []


def fault(check, word):
    def keep(function):
        FAULTS.append(Fault(ck.example(*SHAPES)(function), check, word))
        return function

    return keep


def custom(name, *, forward=None, fake=None, backward=None, mutates=()):
    """Return a custom op of the same meaning, with parts of it exchanged."""

    def kernel(x: Tensor, scale: Tensor) -> Tensor:
        return forward(x, scale) if forward else x * x * scale

    def fake_kernel(x: Tensor, scale: Tensor) -> Tensor:
        return fake(x, scale) if fake else torch.empty_like(x)

    def setup(ctx: Any, inputs: Any, output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    def right_backward(ctx: Any, grad: Tensor) -> Any:
        x, scale = ctx.saved_tensors
        return 2 * grad * x * scale, (grad * x * x).sum(0)

    op = torch.library.custom_op(f"corekit_kit_faults::{name}", kernel, mutates_args=mutates)
    op.register_fake(fake_kernel)
    op.register_autograd(backward or right_backward, setup_context=setup)

    def function(x: Tensor, scale: Tensor) -> Tensor:
        return op(x, scale)

    function.__name__ = name
    return function


def half_backward(ctx, grad):
    x, scale = ctx.saved_tensors
    return grad * x * scale, (grad * x * x).sum(0)


def detached_backward(ctx, grad):
    x, scale = ctx.saved_tensors
    return 2 * grad * x.detach() * scale.detach(), (grad * x.detach() * x.detach()).sum(0)


def shrink_in_place(x, scale):
    result = x * x * scale
    x.mul_(0.5)
    return result


right_custom = ck.example(*SHAPES)(custom("right"))
fault("gradients", "the gradient in float64")(custom("half_backward", backward=half_backward))
fault("second_gradients", "the second gradient in float64")(custom("detached_backward", backward=detached_backward))
fault("fake_shapes", "fake tensors of sizes")(custom("fake_wrong_shape", fake=lambda x, scale: x.new_empty(x.shape[0])))
fault("fake_shapes", "float32")(custom("fake_wrong_dtype", fake=lambda x, scale: torch.empty_like(x).float()))
fault("fake_shapes", "strides")(custom("fake_strides", forward=lambda x, scale: (x * x * scale).t().contiguous().t()))
fault("opcheck", "mutates_args")(custom("hidden_mutation", forward=shrink_in_place))
fault("inputs_stay", "its inputs after a call")(custom("in_place", forward=shrink_in_place))


def off_by_a_little(x: Tensor, scale: Tensor) -> Tensor:
    return scaled_squares(x, scale) + 0.01


off_by_a_little.reference = scaled_squares_reference
fault("reference", "against its reference in float64")(off_by_a_little)


def wrong_from_six(x: Tensor, scale: Tensor) -> Tensor:
    return scaled_squares(x, scale) * (0.5 if x.shape[0] > 5 else 1.0)


wrong_from_six.reference = scaled_squares_reference
fault("reference", "at sizes")(wrong_from_six)


def detached_scale(x: Tensor, scale: Tensor) -> Tensor:
    return scaled_squares(x, scale.detach())


detached_scale.reference = scaled_squares_reference
fault("reference", "its gradients")(detached_scale)


@fault("gradients", "the gradient in float64")
def detached(x, scale):
    return scaled_squares(x, scale.detach())


@fault("gradients", "without a gradient")
def rounded_data(x, scale):
    return scaled_squares(x.data, scale.data)


@fault("dtypes", "expected: bfloat16")
def gives_float32(x, scale):
    return scaled_squares(x.float(), scale.float()) if x.dtype == torch.bfloat16 else scaled_squares(x, scale)


@fault("dtypes", "coarser dtype")
def rounds_to_float32(x, scale):
    return scaled_squares(x.float(), scale.float()).to(x.dtype)


@fault("autocast", "first input bfloat16")
def refuses_mixed_dtypes(x, scale):
    if x.dtype != scale.dtype:
        raise TypeError("one dtype, please")
    return scaled_squares(x, scale)


@fault("strides", "transposed inputs")
def views(x, scale):
    return scaled_squares(x.view(-1).view(x.shape), scale)


@fault("strides", "inputs")
def reads_memory(x, scale):
    return scaled_squares(torch.as_strided(x, x.shape, (x.shape[1], 1)), scale)


@fault("sizes", "size 0 in place of 5")
def divides_rows(x, scale):
    return scaled_squares(x, scale) + 0 * x.max()


@fault("deterministic", "once more")
def noisy(x, scale):
    return scaled_squares(x, scale) + 0.01 * torch.rand_like(x)


@fault("devices", "another device (meta)")
def constant_on_the_cpu(x, scale):
    return scaled_squares(x, scale) * torch.ones(4, dtype=x.dtype, device="cpu")


@fault("compiles", "graph break")
def branches(x, scale):
    return scaled_squares(x, scale) if x.sum() > -1e9 else x * scale


@fault("exports", "torch.export")
def reads_a_number(x, scale):
    return scaled_squares(x, scale) * (2 if float(x.detach().sum()) > -1e9 else 1)


@fault("vmaps", "torch.vmap")
def takes_axes_from_the_start(x, scale):
    return scaled_squares(x, scale) if bool((scale < 1e9).all()) else x


@fault("side_effects", "Python's random generator")
def seeds_python(x, scale):
    random.seed(0)
    return scaled_squares(x, scale)


@fault("in_a_model", "functional model")
def wants_five_rows(x, scale):
    if x.shape[0] != 5:
        raise ValueError("five rows, please")
    return scaled_squares(x, scale)


@pytest.mark.parametrize("one", FAULTS, ids=lambda one: f"{one.function.__name__}-{one.check}")
def test_fault_is_found_and_named(one, counted):
    count = counted.setdefault("ops", [0, 0])
    count[0] += 1
    (check,) = [check for check in checks_for("ops").checks if check.name == one.check]

    outcome = run_check(subject_of(one.function, "ops"), check)

    assert outcome.status == "failed", f"{one.check} did not see {one.function.__name__}"
    assert one.word in outcome.message
    count[1] += 1


@pytest.mark.parametrize("op", [scaled_squares, right_custom])
def test_right_twin_passes_every_check(op):
    names = [check.name for check in checks_for("ops").checks if check.name != "import_budget"]  # this file's own

    outcomes = run([subject_of(op, "ops")], names)

    assert [(one.check, one.message) for one in outcomes if one.status == "failed"] == []


def test_op_without_example_says_how_to_declare_one():
    def lonely(x):
        return x

    (outcome,) = run([replace(subject_of(lonely, "ops"), examples=())], ["strides"])

    assert "@ck.example(" in outcome.message


@pytest.mark.parametrize(
    ("function", "shapes", "keywords"),
    [
        (torch.nn.functional.gelu, [(4, 3)], {}),
        (torch.matmul, [(5, 4), (4, 3)], {}),
        (torch.nn.functional.softmax, [(4, 3)], {"dim": -1}),
        (torch.nn.functional.scaled_dot_product_attention, [(2, 5, 4)] * 3, {}),
        (torch.sort, [(4, 3)], {"dim": -1}),
    ],
)
def test_torch_functions_raise_no_false_alarm(function, shapes, keywords):
    outcomes = check_op(function, *shapes, only=CHEAP, **keywords)

    assert len(outcomes) == len(CHEAP)
