"""How the checks of optimizers make one, feed it gradients and look at what it did."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from corekit.protocols.optimizer import Optimizer
from corekit.testing.case import Case
from corekit.testing.kit import Skip, fail

SHAPES: tuple[tuple[int, ...], ...] = ((5, 3), (3,), (), (4, 3))
"""Two matrices, a vector and a 0-d weight."""


class Stairs:
    """A schedule: one rate for two steps, then another."""

    def __init__(self, high: float, low: float) -> None:
        self.high, self.low = high, low

    def __call__(self, count: Tensor) -> Tensor:
        """Return the rate."""
        return torch.where(count < 2, torch.full_like(count, self.high), self.low)


def weights(
    dtype: torch.dtype = torch.float64, *, seed: int = 0, shapes: Iterable[tuple[int, ...]] = SHAPES
) -> list[nn.Parameter]:
    """Return new weights, equal for equal arguments."""
    return [nn.Parameter(one) for one in _drawn(dtype, seed, shapes)]


def gradients(
    step: int, dtype: torch.dtype = torch.float64, *, shapes: Iterable[tuple[int, ...]] = SHAPES
) -> list[Tensor]:
    """Return the gradients of a step."""
    return _drawn(dtype, 100 + step, shapes)


def is_ours(case: Case) -> bool:
    """Return whether it is a `corekit.Optimizer`, and not one of torch's kind."""
    return issubclass(case.subject.value, Optimizer)


def ours_only(case: Case, what: str) -> None:
    """Skip for torch's own kind of optimizer."""
    if not is_ours(case):
        raise Skip(f"{what} comes with corekit.Optimizer, and this is a torch optimizer")


def bound(case: Case, params: Sequence[Any], **more: Any) -> Any:
    """Return an optimizer with these parameters; `learning_rate` in `more` becomes torch's `lr` where due."""
    if is_ours(case):
        return _with(case, more).bind(params)
    if "learning_rate" in more:
        more["lr"] = more.pop("learning_rate")
    closure = inspect.signature(case.subject.value.step).parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        fail(
            case,
            on="its step",
            expected="a step() without arguments, as fit calls it",
            got="one that needs a closure",
            fix="Write  def step(self, closure=None).  What must evaluate the loss again cannot be used by fit.",
        )
    return case.subject.value(params, **{**case.arguments, **more})


def in_way(optimizer: Any, way: str) -> Any:
    """Return a corekit optimizer set to make its steps in one way: "shipped", "loop", "many" or "flat"."""
    if isinstance(optimizer, Optimizer) and way != "shipped":
        optimizer.fused = False
        optimizer.flat_limit = 2**14 if way == "flat" else -1
        if way == "loop":
            loop = types.MethodType(Optimizer.update_many, optimizer)
            optimizer.update_many = loop  # type: ignore[method-assign]  # of this object alone
    return optimizer


def step(optimizer: Any, params: Sequence[Any], grads: Sequence[Tensor | None]) -> None:
    """Make a step from these gradients."""
    for param, grad in zip(params, grads, strict=True):
        param.grad = grad
    optimizer.step()
    for param in params:
        param.grad = None


def run(
    case: Case,
    steps: int = 4,
    *,
    dtype: torch.dtype = torch.float64,
    way: str = "shipped",
    grads: Callable[[int], Sequence[Tensor | None]] | None = None,
    before: Callable[[int, Any], Any] | None = None,
    **more: Any,
) -> list[Tensor]:
    """Return the weights after some steps.

    Args:
        case: of which optimizer.
        steps: how many.
        dtype: of weights and gradients.
        way: see `in_way`.
        grads: gradients by step, in place of the usual ones.
        before: called with the number of each step (from 0) and the optimizer.
        more: further arguments of the constructor.
    """
    params = weights(dtype)
    optimizer = in_way(bound(case, params, **more), way)
    for number in range(steps):
        if before is not None:
            before(number, optimizer)
        step(optimizer, params, gradients(number, dtype) if grads is None else grads(number))
    return values(params)


def values(params: Iterable[Any]) -> list[Tensor]:
    """Return copies of weights."""
    return [param.detach().clone() for param in params]


def state_of(optimizer: Any, param: Any) -> dict[str, Tensor]:
    """Return the state tensors of a parameter that have axes, by name."""
    held = optimizer.state.get(param, {})
    return {name: value for name, value in held.items() if isinstance(value, Tensor) and value.ndim}


def _with(case: Case, more: dict[str, Any]) -> Any:
    try:
        return case.make(**more)
    except TypeError as error:
        if not more:
            raise
        given = ", ".join(f"{name}={value!r:.40}" for name, value in more.items())
        fail(
            case,
            on=f"made with {given}",
            expected="an optimizer: every one takes this",
            got=f"TypeError: {error}",
            fix="Take **kwargs in __init__ and hand them to super().__init__(learning_rate, **kwargs).",
        )


def _drawn(dtype: torch.dtype, seed: int, shapes: Iterable[tuple[int, ...]]) -> list[Tensor]:
    generator = torch.Generator("cpu").manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes]
