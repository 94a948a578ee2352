"""Comparisons whose failure says on which input, what was expected and what came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from corekit.protocols.schema import misfit
from corekit.testing.case import Case, leaves
from corekit.testing.kit import fail

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}
"""By dtype, relative to 1 or to the value, whichever is larger."""


def assert_equal(
    case: Case,
    expected: Any,
    got: Any,
    *,
    fix: str,
    on: str = "",
    exact: bool = False,
    tolerance: float | None = None,
) -> None:
    """Fail where tensors, or those nested in tuples, lists and dicts, differ by more than rounding.

    Args:
        case: on which.
        expected: tensors.
        got: tensors.
        fix: what is most likely to be written instead.
        on: what was special.
        exact: bit for bit.
        tolerance: relative to 1 or to the value; default by the dtype.
    """
    wanted, came = ([one.detach() for one in leaves(each)] for each in (expected, got))
    if len(wanted) != len(came):
        fail(case, expected=f"{len(wanted)} tensors", got=f"{len(came)}", fix=fix, on=on)
    for one, other in zip(wanted, came, strict=True):
        if one.shape != other.shape or one.dtype != other.dtype:
            fail(case, expected=_described(one), got=_described(other), fix=fix, on=on)
        if not _same(one, other, exact, tolerance):
            where = _worst(one, other)
            told = f"{_at(other, where)}, {_difference(one, other):.3g} away"
            fail(case, expected=f"{_at(one, where)} at {list(where)}", got=told, fix=fix, on=on)


def assert_annotated(case: Case, cls: type, config: dict[str, Any]) -> None:
    """Fail where a class is made from arguments that its constructor's annotations do not allow: files are refused."""
    if fault := misfit(cls, config):
        fail(
            case,
            on="get_config()",
            expected="arguments as the annotations of the constructor say",
            got=fault,
            fix="Mend the annotation: a model with such an argument can neither be saved nor loaded.",
        )


def assert_shapes(
    case: Case, expected: list[tuple[int, ...]], got: list[tuple[int, ...]], *, fix: str, on: str = ""
) -> None:
    """Fail where shapes differ."""
    if expected != got:
        fail(case, expected=_listed(expected), got=_listed(got), fix=fix, on=on)


def wrong_derivative(
    check: Callable[..., bool], function: Any, inputs: tuple[Tensor, ...], *, fast: bool = True
) -> str:
    """Return what torch's gradcheck or gradgradcheck has against a derivative, in its first words; "" for nothing.

    Args:
        check: one of the two.
        function: of the inputs.
        inputs: in float64, with requires_grad.
        fast: whether random directions are enough.
    """
    try:
        check(function, inputs, fast_mode=fast)
    except RuntimeError as error:  # a GradcheckError is one
        return " ".join(str(error).split()).partition(" The above quantities")[0][:300]
    return ""


class told:  # noqa: N801 - a context, as those of contextlib
    """A context that turns any error inside into a Failure which says on what, and the likely fix."""

    def __init__(self, case: Case, on: str, fix: str) -> None:
        self.case, self.on, self.fix = case, on, fix

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, (RuntimeError, TypeError, ValueError, NotImplementedError)):
            first = " ".join(str(error).split())[:200]
            fail(self.case, on=self.on, expected="no error", got=f"{type(error).__name__}: {first}", fix=self.fix)


def _same(one: Tensor, other: Tensor, exact: bool, tolerance: float | None) -> bool:
    if exact or not one.is_floating_point():
        return bool(((one == other) | ((one != one) & (other != other))).all())  # nan is nan
    tolerance = TOLERANCE.get(one.dtype, 1e-5) if tolerance is None else tolerance
    return torch.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True)


def _difference(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other.double()).abs().nan_to_num(nan=float("inf")).max())


def _worst(one: Tensor, other: Tensor) -> tuple[int, ...]:
    apart = (one.double() - other.double()).abs().nan_to_num(nan=float("inf"))
    return tuple(int(i) for i in torch.unravel_index(apart.argmax(), apart.shape)) if apart.ndim else ()


def _at(tensor: Tensor, where: tuple[int, ...]) -> str:
    return f"{tensor[where].item():.6g}"


def _described(tensor: Tensor) -> str:
    return f"shape {tuple(tensor.shape)} of {str(tensor.dtype).removeprefix('torch.')}"


def _listed(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes))
