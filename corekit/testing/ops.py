"""What every op must do: its values and gradients. What torch asks of its registration is in the file beside this."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from corekit.errors import CorekitError
from corekit.protocols.dtype import dtype_name
from corekit.protocols.tree import map_tree
from corekit.testing import ops_torch
from corekit.testing.case import Case
from corekit.testing.compare import assert_equal, told, wrong_derivative
from corekit.testing.drawing import for_all
from corekit.testing.every_kind import assert_no_effects, names
from corekit.testing.imports import import_budget
from corekit.testing.kit import CheckList, Skip, fail
from corekit.testing.modes import Coarse, only
from corekit.testing.op_calls import call, floating, of_size, outputs, reference_of, sizes_in

CHECKS = CheckList("ops", minimum=12)

_LARGEST = 7
_LOOSE = 0.1
"""How far half precision may be off, relative to 1 or to the value."""


@CHECKS.check
def reference(case: Case) -> None:
    """A fast kernel must give what the plain lines give, values and gradients, at every size."""
    plain = reference_of(case.subject.value)
    if plain is None:
        raise Skip(f"it has no reference: neither an attribute reference nor {case.name}_reference in its module")
    fix = "Correct the kernel, or the reference where that is wrong."
    for dtype in (torch.float64, torch.float32):
        inputs = case.inputs(dtype)
        on = f"against its reference in {dtype_name(dtype)}"
        assert_equal(case, plain(*inputs, **case.arguments), call(case, inputs), on=on, fix=fix)
    wanted, got = (_gradients(case, function) for function in (plain, case.subject.value))
    assert_equal(case, wanted, got, on="its gradients, against its reference's", fix=fix)

    def agrees(**drawn: int) -> None:
        sizes = dict(zip(sizes_in(case), drawn.values(), strict=True))
        inputs = of_size(case, sizes)
        try:
            expected = plain(*inputs, **case.arguments)
            found = call(case, inputs)
        except (CorekitError, ValueError):  # it says that it does not take these
            return
        assert_equal(case, expected, found, on=f"against its reference at sizes {sizes}", fix=fix)

    for_all(agrees, **{f"size_{size}": (1, _LARGEST) for size in sizes_in(case)})


@CHECKS.check
def gradients(case: Case) -> None:
    """A backward that is not the forward's derivative trains towards something else, and no error is raised."""
    _gradcheck(case, torch.autograd.gradcheck, "the gradient")


@CHECKS.check
def second_gradients(case: Case) -> None:
    """Gradient penalties derive the gradient again: a backward that detaches gives them a wrong one, silently."""
    _gradcheck(case, torch.autograd.gradgradcheck, "the second gradient")


@CHECKS.check
def dtypes(case: Case) -> None:
    """An op that gives float32 for bfloat16 doubles a model's memory; one that rounds in float64 hides its errors."""
    exact = outputs(case, case.inputs(torch.float64))
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        on = f"inputs of {dtype_name(dtype)}"
        fix = "Make tensors with dtype=x.dtype, and cast what you computed more exactly back."
        with told(case, on, fix):
            found = outputs(case, case.inputs(dtype))
        for one, other in zip(exact, found, strict=True):
            if one.is_floating_point() and other.dtype != dtype:
                fail(case, on=on, expected=dtype_name(dtype), got=dtype_name(other.dtype), fix=fix)
            apart = float(((one - other.double()).abs() / (1 + one.abs())).max()) if one.numel() else 0.0
            if not apart <= (_LOOSE if dtype == torch.bfloat16 else 1e-4):
                fail(case, on=on, expected="the values of float64, but for rounding", got=f"{apart:.3g} away", fix=fix)
    with Coarse() as coarse:
        call(case, case.inputs(torch.float64))
    if coarse.found:
        fail(
            case,
            on="inputs of float64",
            expected="no tensor coarser than float64",
            got=f"a coarser dtype at {only(coarse.found)}",
            fix="Leave out .float() and dtype=torch.float32.",
        )


@CHECKS.check
def autocast(case: Case) -> None:
    """Inside of torch.autocast some inputs are half precision and some are not: an op must take them."""
    exact = outputs(case, case.inputs())
    fix = "Cast inputs to torch.get_autocast_dtype(device), or to one dtype, before the kernel."
    mixed = list(case.inputs())
    mixed[:1] = map_tree(lambda x: x.bfloat16() if x.is_floating_point() else x, mixed[:1])
    for on, inputs in (("torch.autocast in bfloat16", case.inputs()), ("torch.autocast, first input bfloat16", mixed)):
        with told(case, on, fix), torch.autocast("cpu", torch.bfloat16):
            found = outputs(case, inputs)
        for one, other in zip(exact, found, strict=True):
            apart = float(((one - other.float()).abs() / (1 + one.abs())).max()) if one.numel() else 0.0
            if not apart <= _LOOSE:
                fail(case, on=on, expected="the values of float32, but for rounding", got=f"{apart:.3g} away", fix=fix)


@CHECKS.check
def strides(case: Case) -> None:
    """Transposed and sliced tensors are everywhere: a kernel that takes memory for dense reads other numbers."""
    inputs = case.inputs(torch.float64)
    expected = outputs(case, inputs)
    for on, scattered in (
        (
            "transposed inputs",
            map_tree(lambda x: x.transpose(0, -1).contiguous().transpose(0, -1) if x.ndim else x, inputs),
        ),
        ("every second number of wider inputs", map_tree(lambda x: torch.stack([x, x + 1], dim=-1)[..., 0], inputs)),
    ):
        with told(case, on, "Use reshape in place of view, and hand strides to the kernel, or call contiguous()."):
            found = outputs(case, scattered)
        assert_equal(case, expected, found, on=on, fix="Hand strides to the kernel, or call contiguous() before it.")


@CHECKS.check
def sizes(case: Case) -> None:
    """A batch of 0 comes at the end of a filtered data set, one of 1 in serving: neither may raise."""
    known = sizes_in(case)
    if not known:
        raise Skip("its inputs have no axes")
    first = next(size for size in case.example.inputs[0].shape if size) if _is_plain(case) else known[0]
    usual = [tuple(one.shape) for one in outputs(case, of_size(case, {}))]
    for size in (0, 1):
        on = f"size {size} in place of {first}"
        with told(case, on, "Count with math.prod(shape) rather than reshape(-1, n); launch no kernel for nothing."):
            found = [tuple(one.shape) for one in outputs(case, of_size(case, {first: size}))]
        expected = [tuple(size if axis == first else axis for axis in shape) for shape in usual]
        if found != expected:
            fail(case, on=on, expected=expected, got=found, fix="Take every size from the inputs' own shapes.")


@CHECKS.check
def inputs_stay(case: Case) -> None:
    """An op that changes its input in place breaks whoever else uses that tensor, and autograd's memory of it."""
    inputs = case.inputs(torch.float64)
    call(case, inputs)
    assert_equal(
        case,
        case.inputs(torch.float64),
        inputs,
        exact=True,
        on="its inputs after a call",
        fix="Work on a new tensor, or say so: mutates_args=(...) in torch.library.custom_op.",
    )


@CHECKS.check
def deterministic(case: Case) -> None:
    """Equal inputs must give equal outputs: a kernel that reads memory that nobody wrote does not, now and then."""
    torch.manual_seed(1)
    expected = outputs(case, case.inputs())
    outputs(case, case.inputs(seed=5))
    torch.manual_seed(2)
    assert_equal(
        case,
        expected,
        outputs(case, case.inputs()),
        exact=True,
        on="the same inputs once more",
        fix="Start sums at zero (new_zeros, not new_empty); keep nothing from call to call.",
    )


@CHECKS.check
def devices(case: Case) -> None:
    """A tensor that is made on the CPU works on every laptop and on no GPU."""
    fix = "Make tensors with x.new_zeros(...) or device=x.device; read none with .item()."
    inputs = map_tree(lambda x: x.to("meta"), case.inputs())
    with told(case, "inputs on another device (meta)", fix):
        found = outputs(case, inputs)
    if any(one.device.type != "meta" for one in found):
        fail(case, on="inputs on another device (meta)", expected="outputs there", got=found[0].device, fix=fix)


@CHECKS.check
def side_effects(case: Case) -> None:
    """An op that seeds, prints or sets a global does so at every call."""
    assert_no_effects(case, lambda: call(case, case.inputs()))


def _is_plain(case: Case) -> bool:
    return not isinstance(case.example.inputs[0], list) and any(case.example.inputs[0].shape)


def _gradients(case: Case, function: Any) -> list[Tensor]:
    inputs = map_tree(_leaf, case.inputs(torch.float64))
    result = _total(function(*inputs, **case.arguments))
    wanted = floating(inputs)
    found = torch.autograd.grad(result, wanted, allow_unused=True) if result.requires_grad else [None] * len(wanted)
    return [torch.zeros_like(one) if grad is None else grad for one, grad in zip(wanted, found, strict=True)]


def _total(result: Any) -> Tensor:
    """Return one number in which each element weighs something else."""
    sums = [(one * torch.cos(torch.arange(one.numel()).to(one)).reshape(one.shape)).sum() for one in floating(result)]
    if not sums:
        raise Skip("no output is floating point")
    return torch.stack(sums).sum()


def _leaf(tensor: Tensor) -> Tensor:
    return tensor.requires_grad_() if tensor.is_floating_point() else tensor


def _gradcheck(case: Case, check: Any, what: str) -> None:
    inputs = map_tree(_leaf, case.inputs(torch.float64))
    leaves = floating(inputs)
    result = _total(call(case, inputs))
    fix = "Correct the backward: register_autograd, or plain torch functions without detach, .data, round or argmax."
    if not result.requires_grad:
        fail(case, on=what, expected="outputs that depend on the inputs", got="outputs without a gradient", fix=fix)

    def value(*given: Tensor) -> Tensor:
        rest = iter(given)
        return _total(call(case, map_tree(lambda x: next(rest) if x.is_floating_point() else x, inputs)))

    got = wrong_derivative(check, value, tuple(leaves), fast=False)
    if check is torch.autograd.gradgradcheck and ("once_differentiable" in got or "no autograd formula" in got):
        raise Skip(f"it says itself that it has no second derivative: {got}")
    if got:
        fail(case, on=f"{what} in float64", expected="that of finite differences", got=got, fix=fix)


CHECKS.add(ops_torch.CHECKS)
CHECKS.once(import_budget)
CHECKS.once(names)
