"""What every metric must do: what it measures. Its state and its place in training are in the file beside this."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from corekit.protocols.dtype import dtype_name
from corekit.testing import metrics_state
from corekit.testing.case import Case
from corekit.testing.compare import assert_equal, told
from corekit.testing.drawing import for_all
from corekit.testing.kit import CheckList, Skip, fail
from corekit.testing.metric_calls import BATCHES, batches, inputs, made, measured, result, rows, update
from corekit.testing.modes import Halved, HostReads, only

CHECKS = CheckList("metrics", minimum=16)

_SUMS = "Add sums and counts to the state, and divide in result: a mean of batch means weighs small batches too much."
_FRESH = "Keep all that changes in variables of add_variable, whose start reset_state brings back."


@CHECKS.check
def before_any_batch(case: Case) -> None:
    """Logs are written before the first batch too: 0 / 0 there is a NaN that a callback takes for a broken training."""
    for tensor in result(made(case)):
        if not bool(tensor.isfinite().all()):
            fail(
                case,
                on="result() before any batch",
                expected="a finite number",
                got=tensor.tolist(),
                fix="Divide safely: torch.where(count != 0, total / count, 0.0).",
            )


@CHECKS.check
def parts(case: Case) -> None:
    """The last batch is smaller: a metric that averages batches gives its samples more weight, and fits no paper."""
    whole = measured(case, [inputs(case, batch=sum(BATCHES))])

    def is_equal(first: int) -> None:
        every = inputs(case, batch=sum(BATCHES))
        split = [rows(every, 0, first), rows(every, first, sum(BATCHES))]
        assert_equal(
            case,
            whole,
            measured(case, split),
            fix=_SUMS,
            on=f"batches of {first} and {sum(BATCHES) - first}, against all at once",
        )

    for_all(is_equal, first=(1, sum(BATCHES) - 1))
    assert_equal(case, whole, measured(case, batches(case)), on=f"batches of {BATCHES}, against all at once", fix=_SUMS)


@CHECKS.check
def order(case: Case) -> None:
    """Shuffled data must give the same figure; a metric that weighs late batches more is a moving average."""
    expected = measured(case, batches(case))
    assert_equal(
        case,
        expected,
        measured(case, batches(case)[::-1]),
        on="the batches in reverse order",
        fix='Add to the state, or declare:  @ck.known_failure("order", "it forgets old batches").',
    )


@CHECKS.check
def sample_weights(case: Case) -> None:
    """A weight of 2 is a sample that is there twice, and 0 one that is not: weighted_metrics stand on it."""
    every = inputs(case, batch=5)
    weight = torch.tensor([2, 1, 0, 3, 1])
    repeated = tuple(tensor.repeat_interleave(weight, dim=0) for tensor in every)
    metric = made(case)
    fix = "Multiply values by sample_weight, and count the weights: self.add_to_mean(values, sample_weight)."
    with told(case, f"sample_weight={weight.tolist()}", fix):
        update(metric, every, weight.double())
    assert_equal(
        case,
        measured(case, [repeated]),
        result(metric),
        fix=fix,
        on=f"sample_weight={weight.tolist()}, against samples repeated so often",
    )


@CHECKS.check
def empty_batch(case: Case) -> None:
    """A filtered data set has empty batches: they must change nothing."""
    metric = made(case)
    for batch in batches(case):
        update(metric, batch)
    before = result(metric)
    with told(case, "a batch of 0", "Reductions such as max() fail on empty tensors: give them a dim."):
        update(metric, inputs(case, batch=0))
    assert_equal(case, before, result(metric), on="after a batch of 0", fix=_SUMS)


@CHECKS.check
def results(case: Case) -> None:
    """Logs ask for the result at any time: asking must not change it, and what was given must not change later."""
    metric = made(case)
    update(metric, batches(case)[0])
    given = result(metric, clone=False)
    kept = [tensor.clone() for tensor in given]
    assert_equal(
        case,
        kept,
        result(metric),
        exact=True,
        on="result() asked for again",
        fix="Let result read the state and change nothing.",
    )
    update(metric, batches(case)[1])
    metric.reset_state()
    assert_equal(
        case,
        kept,
        given,
        exact=True,
        on="a result that was given, after a further batch and a reset",
        fix="Return a tensor of its own: self.total.clone(), not self.total.",
    )


@CHECKS.check
def calls(case: Case) -> None:
    """`metric(y_true, y_pred)` takes a batch into account and returns the result, as in Keras."""
    metric, other = made(case), made(case)
    returned = [tensor for batch in batches(case) for tensor in [metric(*batch)]][-1]
    for batch in batches(case):
        update(other, batch)
    assert_equal(
        case,
        result(other),
        [returned],
        on="calls, against update_state and result",
        fix="Leave __call__ and forward to the base.",
    )


@CHECKS.check
def inputs_stay(case: Case) -> None:
    """Several metrics are shown the same tensors: what one changes in place, the next one measures."""
    given, before = inputs(case), inputs(case)
    update(made(case), given)
    assert_equal(
        case,
        before,
        given,
        exact=True,
        on="labels and predictions after an update",
        fix="Work on a new tensor: y = y.round() in place of y.round_().",
    )


@CHECKS.check
def no_gradient(case: Case) -> None:
    """A state that remembers gradients keeps the graph of every batch: memory grows until the training ends in it."""
    metric = made(case)
    update(metric, tuple(_leaf(tensor) for tensor in inputs(case)))
    held = {**vars(metric), **dict(metric.named_buffers())}
    keeping = [name for name, state in held.items() if isinstance(state, Tensor) and state.requires_grad]
    if keeping or any(tensor.requires_grad for tensor in result(metric)):
        fail(
            case,
            on="predictions that require a gradient",
            expected="state without one",
            got=f"a gradient in {', '.join(keeping) or 'the result'}",
            fix="Add detached values: y_pred.detach().",
        )


@CHECKS.check
def waits_for_nothing(case: Case) -> None:
    """`.item()` or `if value > 0` in an update makes the GPU wait at each batch, for a number nobody has asked for."""
    metric = made(case)
    given = batches(case)
    with HostReads() as reads:
        for batch in given:
            update(metric, batch)
    if reads.found:
        fail(
            case,
            on="an update",
            expected="no tensor read on the host",
            got=f"a read (.item(), float(), bool()) at {only(reads.found)}",
            fix="Keep sums as tensors; torch.where in place of if.",
        )


@CHECKS.check
def devices(case: Case) -> None:
    """State follows `.to(device)`, and what an update makes is made there: else it ends at its first batch on a GPU."""
    fix = "Keep state with add_variable, and make tensors with device=y_pred.device."
    metric = made(case).to("meta")
    with told(case, "moved to another device (meta)", fix):
        update(metric, tuple(tensor.to("meta") for tensor in inputs(case, torch.float32)))
        found = result(metric)
    for name, tensor in [*metric.state_dict().items(), *(("the result", one) for one in found)]:
        if tensor.device.type != "meta":
            fail(case, on="moved to another device (meta)", expected=f"{name} there", got=tensor.device, fix=fix)


@CHECKS.check
def dtypes(case: Case) -> None:
    """dtype="float64" is for counting beyond 16 million: state or result in float32 stands still there."""
    for dtype in (torch.float64, torch.float32):
        metric = made(case, dtype=dtype_name(dtype))
        for predictions in (dtype, torch.bfloat16):
            fix = "Hand dtype to super().__init__, and add values.to(self.total)."
            with told(case, f'dtype="{dtype_name(dtype)}" and predictions of {dtype_name(predictions)}', fix):
                update(metric, inputs(case, predictions))
        for name, tensor in [*metric.state_dict().items(), *(("the result", one) for one in result(metric))]:
            if tensor.is_floating_point() and tensor.dtype != dtype:
                fail(
                    case,
                    on=f'dtype="{dtype_name(dtype)}"',
                    expected=f"{name} of {dtype_name(dtype)}",
                    got=dtype_name(tensor.dtype),
                    fix=fix,
                )


@CHECKS.check
def precision(case: Case) -> None:
    """Half precision has three digits: a metric that rounds to it on its way shows 0.9 for every good model."""
    with Halved() as halved:
        measured(case, batches(case))
    if halved.found:
        fail(
            case,
            on="inputs and state of float64",
            expected="no tensor of half precision",
            got=f"one at {only(halved.found)}",
            fix="Leave out .half() and .bfloat16().",
        )


@CHECKS.check
def strides(case: Case) -> None:
    """Predictions of convolutions and attention are not contiguous: `view` fails on them."""
    every = inputs(case)
    scattered = tuple(one.transpose(0, -1).contiguous().transpose(0, -1) for one in every)
    with told(case, "tensors that are not contiguous", "Use reshape in place of view."):
        got = measured(case, [scattered])
    assert_equal(
        case, measured(case, [every]), got, on="tensors that are not contiguous", fix="Use reshape in place of view."
    )


@CHECKS.check
def deterministic(case: Case) -> None:
    """A metric that draws samples tells another figure for the same model each time."""
    torch.manual_seed(1)
    expected = measured(case, batches(case))
    torch.manual_seed(2)
    assert_equal(
        case,
        expected,
        measured(case, batches(case)),
        exact=True,
        on="a second time, with another state of torch's generator",
        fix="Draw from a generator of your own.",
    )


@CHECKS.check
def order_only(case: Case) -> None:
    """Training shows logits to a metric that says sees_order_only: one that looks at values measures them wrongly."""
    metric = made(case)
    if not metric.sees_order_only:
        raise Skip("it looks at values (sees_order_only is False), and is shown these")
    y_true, y_pred = inputs(case)
    if not y_pred.is_floating_point() or y_pred.ndim < 2 or y_pred.shape[-1] == 1:
        raise Skip("its predictions have no axis of classes")
    offset = torch.arange(len(y_pred), dtype=y_pred.dtype).reshape(-1, *[1] * (y_pred.ndim - 1))
    expected = measured(case, [(y_true, y_pred)])
    for words, shown in (("7 * y_pred - row", 7 * y_pred - offset), ("log(y_pred + 2)", (y_pred + 2).log())):
        assert_equal(
            case,
            expected,
            measured(case, [(y_true, shown)]),
            fix="Set sees_order_only = False.",
            on=f"predictions {words}, whose order along the last axis is the same",
        )


def _leaf(tensor: Tensor) -> Any:
    return tensor.requires_grad_() if tensor.is_floating_point() else tensor


CHECKS.add(metrics_state.CHECKS)
