"""What every optimizer must do, part two: follow its learning rate, and the settings that the base brings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from corekit.testing.case import Case
from corekit.testing.compare import assert_equal
from corekit.testing.kit import CheckList, fail
from corekit.testing.optimizer_runs import (
    Stairs,
    bound,
    gradients,
    is_ours,
    ours_only,
    run,
    step,
    values,
    weights,
)

CHECKS = CheckList("optimizers", minimum=0)

_SUPER = "Hand **kwargs to super().__init__(learning_rate, **kwargs), and leave this to the base."
_READ = "Use the argument learning_rate of update; keep no copy of the rate from an earlier time."


@CHECKS.check
def rate_zero(case: Case) -> None:
    """Warm-up starts at a rate of 0, and freezing by rate 0 is usual: then nothing may move."""
    before = values(weights())
    got = run(case, 2, learning_rate=0.0)
    assert_equal(case, before, got, on="the weights after 2 steps with learning_rate=0", fix=_READ)


@CHECKS.check
def rate_is_read(case: Case) -> None:
    """Schedules and torch's schedulers change the rate in mid-training: one that was read once ignores them."""
    high, low = 0.05, 0.005
    constant = run(case, 4, learning_rate=high)
    routes: dict[str, Callable[[], list[Tensor]]] = {
        'group["lr"] = number': lambda: run(case, 4, learning_rate=high, before=lambda n, o: _set_group(n, o, low)),
        "a torch scheduler": lambda: _by_scheduler(case, high, low),
    }
    if is_ours(case):
        routes["optimizer.learning_rate = number"] = lambda: run(
            case, 4, learning_rate=high, before=lambda n, o: _set_rate(n, o, low)
        )
        routes["a schedule"] = lambda: run(case, 4, learning_rate=Stairs(high, low))
    expected = None
    for name, route in routes.items():
        got = route()
        on = f"the rate changed from {high} to {low} after 2 of 4 steps, by {name}"
        if torch.equal(got[0], constant[0]):
            fail(case, on=on, expected="other weights than at a constant rate", got="the same", fix=_READ)
        if expected is not None:
            assert_equal(case, expected, got, on=f"{on}, against the other ways to change it", fix=_READ)
        expected = got


@CHECKS.check
def groups(case: Case) -> None:
    """Fine-tuning gives old layers a smaller rate in a group of their own: a rule with one rate for all loses it."""
    params = weights()
    before = values(params)
    optimizer = bound(case, [{"params": params[:2]}, {"params": params[2:], "lr": 0.0}])
    for number in range(4):
        step(optimizer, params, gradients(number))
    fix = "Use the argument learning_rate of update (group['lr'] in torch's way): it is the group's own."
    on = "two groups, the second with lr=0"
    assert_equal(case, before[2:], values(params)[2:], on=f"{on}: its weights after 4 steps", fix=fix)
    assert_equal(case, run(case)[:2], values(params)[:2], on=f"{on}: the first group's weights", fix=fix)


@CHECKS.check
def torch_way(case: Case) -> None:
    """`SGD(model.parameters(), lr=0.1)` is what every torch tutorial writes."""
    ours_only(case, "Keras's and torch's way of making one")
    arguments = {name: value for name, value in case.arguments.items() if name != "learning_rate"}
    params = weights()
    try:
        optimizer = case.subject.value(params, lr=0.02, **arguments)
    except Exception as error:
        fail(
            case,
            on="made in torch's way, (params, lr=0.02)",
            expected="an optimizer",
            got=f"{type(error).__name__}: {error}",
            fix="Let learning_rate be the first argument, and hand **kwargs to super().__init__.",
        )
    for number in range(4):
        step(optimizer, params, gradients(number))
    assert_equal(
        case, run(case, learning_rate=0.02), values(params), on="made in torch's way, against Keras's", fix=_SUPER
    )


@CHECKS.check
def weight_decay(case: Case) -> None:
    """Weight decay that is ignored, or taken off twice, is found only by comparing whole trainings."""
    ours_only(case, "decoupled weight decay")
    rate, share = 0.5, 0.1
    zeros = [torch.zeros_like(param) for param in weights()]
    still = run(case, 1, grads=lambda n: zeros, learning_rate=rate, weight_decay=0.0)
    expected = [weight * (1 - rate * share) for weight in still]
    got = run(case, 1, grads=lambda n: zeros, learning_rate=rate, weight_decay=share)
    assert_equal(
        case,
        expected,
        got,
        on=f"gradients of 0, learning_rate={rate}, weight_decay={share}",
        fix="Let the base take the decay off, once: update has no decay in it. " + _SUPER,
    )


@CHECKS.check
def clipping(case: Case) -> None:
    """Clipping keeps a training alive: a rule that takes `param.grad` in place of `grad` sees what was not clipped."""
    ours_only(case, "clipping")
    limit = 0.3
    for setting, clipped in (
        ("clipvalue", lambda grads: [grad.clamp(-limit, limit) for grad in grads]),
        ("clipnorm", lambda grads: [grad * (limit / grad.norm().clamp(min=limit)) for grad in grads]),
        ("global_clipnorm", _clipped_together(limit)),
    ):
        expected = run(case, 3, grads=lambda n, clipped=clipped: clipped(gradients(n)))  # type: ignore[misc]  # a default in it
        alone: dict[str, Any] = {setting: limit}
        got = run(case, 3, **alone)
        assert_equal(
            case,
            expected,
            got,
            on=f"{setting}={limit}, against gradients clipped by hand",
            fix="Use the argument grad of update, not param.grad. " + _SUPER,
        )


@CHECKS.check
def accumulation(case: Case) -> None:
    """With `gradient_accumulation_steps=2` two passes make one step with their mean: the way to a larger batch."""
    ours_only(case, "accumulation")
    expected = run(case, 3)
    params = weights()
    optimizer = bound(case, params, gradient_accumulation_steps=2)
    for number in range(6):
        optimizer.apply([grad * (1.5 if number % 2 else 0.5) for grad in gradients(number // 2)])
    assert_equal(
        case,
        expected,
        values(params),
        on="gradient_accumulation_steps=2 and two passes for each step",
        fix="Leave apply, collect and update_from to the base. " + _SUPER,
    )


@CHECKS.check
def averages(case: Case) -> None:
    """`use_ema=True` ends training with averages of the weights: which must be those of this optimizer's weights."""
    ours_only(case, "averages of the weights")
    momentum = 0.5
    params = weights()
    optimizer = bound(case, params, use_ema=True, ema_momentum=momentum)
    expected: list[Tensor] = []
    for number in range(3):
        step(optimizer, params, gradients(number))
        seen = values(params)
        pairs = zip(expected, seen, strict=True)
        expected = [momentum * old + (1 - momentum) * new for old, new in pairs] if expected else seen
    optimizer.finalize_variable_values()
    assert_equal(case, expected, values(params), on=f"use_ema=True, ema_momentum={momentum}, after 3 steps", fix=_SUPER)


def _set_group(number: int, optimizer: Any, rate: float) -> None:
    if number == 2:
        for group in optimizer.param_groups:
            group["lr"] = rate


def _set_rate(number: int, optimizer: Any, rate: float) -> None:
    if number == 2:
        optimizer.learning_rate = rate


def _by_scheduler(case: Case, high: float, low: float) -> list[Tensor]:
    params = weights()
    optimizer = bound(case, params, learning_rate=high)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda count: 1.0 if count < 2 else low / high)
    for number in range(4):
        step(optimizer, params, gradients(number))
        scheduler.step()
    return values(params)


def _clipped_together(limit: float) -> Callable[[list[Tensor]], list[Tensor]]:
    def clipped(grads: list[Tensor]) -> list[Tensor]:
        norm = torch.cat([grad.reshape(-1) for grad in grads]).norm()
        return [grad * (limit / norm.clamp(min=limit)) for grad in grads]

    return clipped
