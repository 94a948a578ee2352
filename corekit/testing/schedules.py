"""What every learning-rate schedule must do: be a function of the count of passes, in tensor arithmetic."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import torch
from torch import Tensor, nn

from corekit.protocols.optimizer import Optimizer
from corekit.testing.case import Case
from corekit.testing.compare import assert_equal, told
from corekit.testing.compiling import compiled
from corekit.testing.drawing import for_all
from corekit.testing.every_kind import assert_no_effects, by_name, can_be_pickled, names, rebuilt
from corekit.testing.imports import import_budget
from corekit.testing.kit import CheckList, fail
from corekit.testing.modes import HostReads, only

CHECKS = CheckList("schedules", minimum=10)

_PASSES = (0, 1, 2, 5, 10, 37, 100, 999, 1000, 1001, 2000, 5000)
_FAR = 10**7
_TENSORS = "Compute with tensor operations: torch.where in place of if, step / n in place of float(step) / n."
_PURE = "Compute the rate from the argument alone; keep nothing from call to call."


@CHECKS.check
def one_number(case: Case) -> None:
    """The rate is a 0-d tensor beside the weights: a vector breaks the step, a Python number stays in its graph."""
    schedule = case.make()
    for dtype in (torch.float64, torch.float32):
        for count in _PASSES:
            rate = schedule(torch.tensor(count, dtype=dtype))
            if not isinstance(rate, Tensor) or rate.ndim or not rate.is_floating_point():
                got = f"a tensor of shape {tuple(rate.shape)}" if isinstance(rate, Tensor) else repr(rate)
                fail(case, on=f"after {count} passes", expected="a 0-d floating-point tensor", got=got, fix=_TENSORS)


@CHECKS.check
def finite(case: Case) -> None:
    """A rate that is negative, infinite or NaN, be it after a million passes, ends a long training in its last hour."""
    schedule = case.make()

    def is_right(count: int) -> None:
        rate = float(schedule(_count(count)))
        if not 0 <= rate < float("inf"):
            fail(
                case,
                on=f"after {count} passes",
                expected="a finite rate, 0 or more",
                got=rate,
                fix="Clamp what may pass its end: (step / decay_steps).clamp(max=1).",
            )

    for_all(is_right, count=(0, _FAR))


@CHECKS.check
def pure(case: Case) -> None:
    """A resumed training asks for pass 5,000 first: a schedule that counts by itself starts from its start."""
    schedule = case.make()
    expected = [schedule(_count(count)).clone() for count in _PASSES]
    before = copy.deepcopy(vars(schedule)) if hasattr(schedule, "__dict__") else {}
    backwards = [schedule(_count(count)).clone() for count in reversed(_PASSES)][::-1]
    assert_equal(case, expected, backwards, exact=True, on="asked in the reverse order", fix=_PURE)
    fresh = case.make()
    alone = fresh(_count(_PASSES[-1]))
    assert_equal(case, expected[-1], alone, exact=True, on=f"a fresh one asked for pass {_PASSES[-1]} first", fix=_PURE)
    if hasattr(schedule, "__dict__") and repr(vars(schedule)) != repr(before):
        fail(case, on="its attributes after some calls", expected=before, got=vars(schedule), fix=_PURE)


@CHECKS.check
def count_stays(case: Case) -> None:
    """The count is the optimizer's own tensor: changed in place, every later step is counted wrongly."""
    schedule, count = case.make(), _count(7)
    schedule(count)
    assert_equal(
        case,
        _count(7),
        count,
        exact=True,
        on="the count after a call",
        fix="Work on a new tensor: step = step + 1 in place of step.add_(1).",
    )


@CHECKS.check
def waits_for_nothing(case: Case) -> None:
    """`float(step)` or `if step > 10` makes the GPU wait at every step of every training with this schedule."""
    schedule = case.make()
    with HostReads() as reads:
        for count in _PASSES:
            schedule(_count(count))
    if reads.found:
        fail(
            case,
            on="a call",
            expected="no tensor read on the host",
            got=f"a read (.item(), float() or if) at {only(reads.found)}",
            fix=_TENSORS,
        )


@CHECKS.check
def devices(case: Case) -> None:
    """On a GPU the count is there: a tensor made on the CPU ends the first step with an error about two devices."""
    with told(case, "a count on another device (meta)", "Make no tensor without device=step.device."):
        rate = case.make()(_count(3).to("meta"))
    if rate.device.type != "meta":
        fail(
            case,
            on="a count on another device (meta)",
            expected="a rate beside it",
            got=f"one on {rate.device}",
            fix="Make no tensor without device=step.device.",
        )


@CHECKS.check
def vectors(case: Case) -> None:
    """Plots of a schedule ask for many passes at once, by `torch.vmap`: what holds for one must hold for all."""
    schedule = case.make()
    expected = torch.stack([schedule(_count(count)) for count in _PASSES])
    with told(case, "torch.vmap over passes", _TENSORS):
        got = torch.vmap(schedule)(torch.tensor(_PASSES, dtype=torch.float64))
    assert_equal(case, expected, got, on="torch.vmap over passes", fix=_TENSORS)


@CHECKS.check
def config(case: Case) -> None:
    """A model file holds the schedule: an argument that is missing comes back as its default, and silently."""
    made = case.make()
    again = rebuilt(case, made)
    for count in _PASSES:
        assert_equal(
            case,
            made(_count(count)),
            again(_count(count)),
            exact=True,
            on=f"after from_config(get_config()), pass {count}",
            fix="Let get_config return every argument, or leave it out: arguments are recorded.",
        )


@CHECKS.check
def copies(case: Case) -> None:
    """Tuners copy an optimizer with its schedule, and loaders of other processes pickle it."""
    made = case.make()
    found = {"copy.deepcopy": copy.deepcopy(made)}
    if can_be_pickled(case.subject.value):
        found["pickle"] = pickle.loads(pickle.dumps(made))
    for way, twin in found.items():
        assert_equal(
            case,
            made(_count(37)),
            twin(_count(37)),
            exact=True,
            on=f"a copy by {way}",
            fix="Keep arguments as numbers and lists: no lambdas, no open files.",
        )


@CHECKS.check
def in_an_optimizer(case: Case) -> None:
    """`Adam(learning_rate=schedule)` asks before each step, with the passes that are done: from 0."""
    schedule = by_name(case)
    schedule = case.make() if isinstance(schedule, str) else schedule
    weight = nn.Parameter(torch.zeros((), dtype=torch.float64))
    optimizer: Any = _Descent(schedule).bind([weight])
    expected = torch.zeros((), dtype=torch.float64)
    for count in range(4):
        optimizer.apply([torch.ones((), dtype=torch.float64)])
        expected = expected - case.make()(_count(count))
    assert_equal(case, expected, weight.detach(), on="four steps of gradient descent with it", fix=_PURE)


@CHECKS.once
def compiles(case: Case) -> None:
    """The schedule is part of the compiled step: what cannot be traced, or compiles anew, costs seconds a step."""
    schedule = case.make()
    expected = [schedule(_count(count)) for count in _PASSES]
    with compiled(case, schedule.__call__) as call:
        got = [call(_count(count)).clone() for count in _PASSES]
    assert_equal(case, expected, got, on="compiled, against eager", fix=_TENSORS)


@CHECKS.check
def side_effects(case: Case) -> None:
    """A schedule that prints, seeds or sets a global does so at every step of a training."""
    assert_no_effects(case, lambda: case.make()(_count(3)))


class _Descent(Optimizer):
    """Plain gradient descent."""

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Tensor], learning_rate: Tensor) -> None:
        """Step against the gradient."""
        param.sub_(learning_rate * grad)


def _count(count: int) -> Tensor:
    return torch.tensor(float(count), dtype=torch.float64)


CHECKS.once(import_budget)
CHECKS.once(names)
