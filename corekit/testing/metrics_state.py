"""What every metric must do, part two: keep its state where it can be reset, stored, merged, compiled and shown."""

from __future__ import annotations

import copy

import torch
import torch.distributed as dist
from torch import Tensor

from corekit.protocols.metric import Metric
from corekit.testing.case import Case
from corekit.testing.compare import assert_equal, told
from corekit.testing.compiling import compiled
from corekit.testing.every_kind import assert_no_effects, by_name, names, rebuilt
from corekit.testing.imports import import_budget
from corekit.testing.kit import CheckList, Skip, fail
from corekit.testing.metric_calls import BATCHES, batches, inputs, made, measured, result, update
from corekit.testing.processes import RANKS, on_two_ranks
from corekit.testing.small_models import model_for

CHECKS = CheckList("metrics", minimum=0)

_STATE = "Keep all that changes in variables of add_variable, whose start reset_state brings back."


@CHECKS.check
def resets(case: Case) -> None:
    """Every epoch starts with reset_state: what is left from the one before is in the figures of the next."""
    metric, fresh = made(case), made(case)
    for batch in batches(case):
        update(metric, batch)
    metric.reset_state()
    assert_equal(
        case, fresh.state_dict(), metric.state_dict(), exact=True, on="the state after reset_state", fix=_STATE
    )
    assert_equal(case, result(fresh), result(metric), exact=True, on="the result after reset_state", fix=_STATE)
    for one in (metric, fresh):
        update(one, inputs(case, seed=5))
    assert_equal(
        case, result(fresh), result(metric), on="a batch after reset_state, against a fresh metric", fix=_STATE
    )


@CHECKS.check
def resumes(case: Case) -> None:
    """A checkpoint in mid-epoch holds the state: what is not in state_dict is lost, and the epoch's figure is wrong."""
    metric, first = made(case), batches(case)
    for batch in first[:2]:
        update(metric, batch)
    packed = {name: tensor.clone() for name, tensor in metric.state_dict().items()}
    fresh = made(case)
    fresh.load_state_dict(packed)
    for one in (metric, fresh):
        update(one, first[2])
    assert_equal(
        case,
        result(metric),
        result(fresh),
        exact=True,
        on="state_dict() in mid-epoch into a fresh metric, and one more batch",
        fix=_STATE,
    )


@CHECKS.check
def copies(case: Case) -> None:
    """Each output of a model gets a copy of a metric: what two copies share, they both count in."""
    metric = made(case)
    update(metric, batches(case)[0])
    twin, expected = copy.deepcopy(metric), result(metric)
    update(metric, batches(case)[1])
    assert_equal(
        case, expected, result(twin), exact=True, on="a deep copy, after a batch for the first one", fix=_STATE
    )
    update(twin, batches(case)[1])
    assert_equal(case, result(metric), result(twin), exact=True, on="the same batch for a deep copy", fix=_STATE)


@CHECKS.check
def independent(case: Case) -> None:
    """Training and validation have a metric each: what is kept in the class is counted by both."""
    expected = measured(case, batches(case))
    one, other = made(case), made(case)
    for batch in batches(case):
        update(other, inputs(case, seed=7))
        update(one, batch)
    assert_equal(case, expected, result(one), on="beside a second one that sees other batches", fix=_STATE)


@CHECKS.check
def config(case: Case) -> None:
    """A model file holds its metrics' configs: an argument that is missing comes back as its default, and silently."""
    if not isinstance(case.subject.value, type):
        raise Skip("a function has no config")
    metric = made(case, name="mine")
    if metric.name != "mine":
        fail(
            case,
            on='made with name="mine"',
            expected="that name in the logs",
            got=metric.name,
            fix="Hand name to super().__init__(name=name).",
        )
    again = rebuilt(case, metric)
    for batch in batches(case):
        update(metric, batch)
        update(again, batch)
    assert_equal(
        case,
        result(metric),
        result(again),
        exact=True,
        on="after from_config(get_config())",
        fix="Let get_config return every argument, or leave it out: arguments are recorded.",
    )


@CHECKS.once
def compiles(case: Case) -> None:
    """The update is part of the compiled step: one break in it, and `fit` runs at eager speed."""
    metric = made(case)
    weight = torch.tensor([1.0, 0.5, 2.0, 0.0, 1.0], dtype=torch.float64)

    def run(*batch: Tensor) -> None:
        update(metric, batch)
        update(metric, batch, weight)

    eager = made(case)
    with compiled(case, run) as call:
        for seed in (1, 2, 3, 4):
            call(*inputs(case, seed=seed))
            update(eager, inputs(case, seed=seed))
            update(eager, inputs(case, seed=seed), weight)
    assert_equal(
        case,
        result(eager),
        result(metric),
        on="eight compiled updates, against eager ones",
        fix="Change state by self.add_to_mean or torch._foreach_add_: torch 2.13 drops x.add_ on 0-d float64.",
    )


@CHECKS.once
def merges(case: Case) -> None:
    """With two processes each sees half of the data: their states, added up, must be the state of all of it."""
    metric = made(case)
    if not set(metric.state_dict()) <= {"total", "count"}:
        raise Skip("its state is not only total and count, which are sums by the contract of Metric")
    expected = measured(case, [inputs(case, batch=6)])

    def work(rank: int) -> list[Tensor]:
        mine = made(case)
        update(mine, tuple(tensor[rank::RANKS] for tensor in inputs(case, batch=6)))
        for state in mine.state_dict().values():
            dist.all_reduce(state)
        return result(mine)

    for rank, got in enumerate(on_two_ranks(work)):
        assert_equal(
            case,
            expected,
            got,
            on=f"the states of two gloo ranks added up, on rank {rank}",
            fix="Let total and count be sums over samples, that start at 0.",
        )


@CHECKS.once
def shown_in_training(case: Case) -> None:
    """`compile(metrics=[...])` by name and `evaluate` in unequal batches are how a metric is used."""
    if len(case.example.inputs) != 2:
        raise Skip("it takes values, not labels and predictions, so compile cannot show it any")
    size = sum(BATCHES)
    x = torch.rand((size, 4), generator=torch.Generator("cpu").manual_seed(0))
    y_true, y_pred = inputs(case, torch.float32, batch=size)
    if not y_pred.is_floating_point():
        raise Skip("its predictions are whole numbers, which no model gives")
    spec = case.example.inputs[1]
    model = model_for(tuple(y_pred.shape[1:]), spec.low, spec.high)
    model.compile(loss=_any_loss, metrics=[by_name(case)], jit_compile=False)
    with told(case, "evaluate with it as a metric", "Take labels and predictions as compile hands them over."):
        logs = model.evaluate(x, y_true, batch_size=3, verbose=0, return_dict=True)
    (shown,) = (value for name, value in logs.items() if name != "loss")
    by_hand = measured(case, [(y_true, torch.as_tensor(model.predict(x, verbose=0)))])
    assert_equal(
        case,
        by_hand,
        [torch.tensor(shown, dtype=torch.float64)],
        tolerance=1e-5,
        fix=_STATE,
        on="evaluate in batches of 3, 3 and 1, against all predictions at once",
    )


@CHECKS.check
def side_effects(case: Case) -> None:
    """A metric that seeds, prints or sets a global does so at every batch."""
    assert_no_effects(case, lambda: measured(case, batches(case)))


@CHECKS.check
def is_a_metric(case: Case) -> None:
    """Training resets, moves and names metrics, and keeps them out of a model's weights: it must know one."""
    metric = made(case)
    if not isinstance(metric, Metric):
        fail(
            case,
            on="its class",
            expected="a corekit.Metric",
            got=type(metric).__mro__[1].__name__,
            fix="Subclass corekit.Metric.",
        )
    if list(metric.parameters()):
        fail(
            case,
            on="its state",
            expected="no parameter",
            got="one that an optimizer would train",
            fix="Use add_variable.",
        )


def _any_loss(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return y_pred.reshape(len(y_pred), -1).mean(1)


CHECKS.once(import_budget)
CHECKS.once(names)
