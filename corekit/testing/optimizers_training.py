"""What every optimizer must do, part four: train a model, compiled, and in two processes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from corekit.protocols.optimizer import Optimizer
from corekit.testing.case import Case
from corekit.testing.compare import assert_equal
from corekit.testing.compiling import compiled
from corekit.testing.every_kind import by_name
from corekit.testing.kit import CheckList, Skip, fail
from corekit.testing.optimizer_runs import Stairs, bound, gradients, is_ours, run, values, weights
from corekit.testing.processes import RANKS, on_two_ranks
from corekit.testing.small_models import small_model

CHECKS = CheckList("optimizers", minimum=0)


@CHECKS.once
def compiles(case: Case) -> None:
    """Training compiles the whole step: what cannot be traced, or a number that changes, costs seconds at a step."""
    changing: dict[str, Any] = {"learning_rate": Stairs(0.05, 0.005)} if is_ours(case) else {}
    expected = run(case, 5, **changing)
    params = weights()
    optimizer = bound(case, params, **changing)
    if _breaks_on_purpose(optimizer):
        raise Skip("torch breaks the graph around the step of its own optimizers, on purpose")
    with compiled(case, _step_of(optimizer, params)) as step:
        for number in range(5):
            for param, grad in zip(params, gradients(number), strict=True):
                param.grad = grad
            step()
    assert_equal(
        case,
        expected,
        values(params),
        on="five compiled steps, against eager ones",
        fix="Compute with tensors, in place; keep no Python state in update.",
    )


@CHECKS.once
def trains_a_model(case: Case) -> None:
    """`compile` and `fit` are how an optimizer is used: by name, bound to a model's weights, beside its metrics."""
    generator = torch.Generator("cpu").manual_seed(0)
    x = torch.rand((32, 3), generator=generator)
    y = x.sum(dim=1, keepdim=True)
    model = small_model((1,), features=3)
    optimizer = by_name(case) if is_ours(case) else bound(case, list(model.parameters()))
    model.compile(optimizer=optimizer, loss=_squared_error, jit_compile=False)
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=8, batch_size=8, verbose=0, shuffle=False)
    after = model.evaluate(x, y, verbose=0)
    if not after < before:
        fail(
            case,
            on="fit of a linear model over 8 epochs",
            expected=f"a loss below {before:.6g}",
            got=f"{after:.6g}",
            fix="Leave apply, update_from and bind to the base.",
        )


@CHECKS.once
def data_parallel(case: Case) -> None:
    """In DDP each process makes the step by itself: where two differ, the ranks drift apart, and no error is raised."""
    expected = _trained(case, rank=None)
    first, second = on_two_ranks(lambda rank: _trained(case, rank))
    fix = "Let a step depend on weights, gradients and state only: no random numbers, no rank, no clock."
    assert_equal(case, first, second, exact=True, on="the weights of two gloo ranks after 4 steps of DDP", fix=fix)
    assert_equal(
        case, expected, first, on="4 steps of DDP on two ranks, against one process with the whole batch", fix=fix
    )


def _squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return (y_true - y_pred).square().mean(-1)


def _breaks_on_purpose(optimizer: Any) -> bool:
    """Return whether its step is wrapped by torch's `_use_grad_for_differentiable`, which asks for two breaks."""
    function = type(optimizer).step
    while function is not None:
        if function.__code__.co_name == "_use_grad":
            return True
        function = getattr(function, "__wrapped__", None)
    return False


def _step_of(optimizer: Any, params: list[Any]) -> Any:
    """Return the step as the engine makes it, on the gradients that lie in the weights."""
    if not isinstance(optimizer, Optimizer):
        return optimizer.step
    optimizer.prepare(flat=False)
    return lambda: optimizer.apply([param.grad for param in params])


def _trained(case: Case, rank: int | None) -> list[Tensor]:
    """Return the weights after some steps of a small model: on a rank's share of each batch, or on all of it."""
    torch.manual_seed(0 if rank is None else 100 + rank)
    net: nn.Module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    with torch.no_grad():
        for place, param in enumerate(net.parameters()):
            param.copy_(weights(seed=place, shapes=[tuple(param.shape)])[0])
    if rank is not None:
        net = nn.parallel.DistributedDataParallel(net)
    optimizer = bound(case, list(net.parameters()))
    for number in range(4):
        x, y = (param.detach() for param in weights(seed=50 + number, shapes=[(8, 3), (8, 1)]))
        if rank is not None:
            x, y = x[rank::RANKS], y[rank::RANKS]
        optimizer.zero_grad()
        (net(x) - y).square().mean().backward()
        optimizer.step()
    return values(net.parameters())
