"""What every loss must do: its values and gradients. Training with it is in the file beside this."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from corekit.protocols.creation import create
from corekit.protocols.dtype import dtype_name
from corekit.testing import losses_training
from corekit.testing.case import Case
from corekit.testing.compare import assert_equal, told, wrong_derivative
from corekit.testing.drawing import for_all
from corekit.testing.kit import CheckList, Skip, fail
from corekit.testing.loss_calls import corekit_only, labels_and_predictions, made, per_sample, with_gradient
from corekit.testing.modes import Coarse, only

CHECKS = CheckList("losses", minimum=16)

_SAMPLE = "Return one value per sample: .mean(dim=-1) in place of .mean()."
_ALONE = "Let a sample's value depend on that sample: reduce over dim=-1, never over the batch."
_LINKS = {"softmax": lambda logits: torch.softmax(logits, -1), "sigmoid": torch.sigmoid}
_FAR = 1000.0


@CHECKS.check
def one_value_per_sample(case: Case) -> None:
    """sample_weight and class_weight multiply one value per sample: a loss that has averaged already ignores them."""

    def has_shape(batch: int) -> None:
        y_true, y_pred = labels_and_predictions(case, batch=batch)
        with told(case, f"a batch of {batch}", _SAMPLE):
            values = per_sample(case, y_true, y_pred)
        expected = tuple(y_pred.shape[: values.ndim]) if values.ndim else (batch,)
        if tuple(values.shape) != expected or values.ndim == y_pred.ndim > 1:
            expected = tuple(y_pred.shape[:-1])
            fail(
                case,
                on=f"a batch of {batch}",
                expected=f"values of shape {expected}",
                got=tuple(values.shape),
                fix=_SAMPLE,
            )

    for_all(has_shape, batch=(1, 6))


@CHECKS.check
def batch_independence(case: Case) -> None:
    """What a sample costs must not depend on its neighbours, or the batch size changes what a model learns."""
    y_true, y_pred = labels_and_predictions(case, batch=4)
    together = per_sample(case, y_true, y_pred)
    alone = torch.cat([per_sample(case, y_true[i : i + 1], y_pred[i : i + 1]) for i in range(4)])
    assert_equal(case, alone, together, on="four samples together, against each alone", fix=_ALONE)


@CHECKS.check
def reductions(case: Case) -> None:
    """Sum, mean and none must agree with what is done by hand, or a loss cannot be compared between two papers."""
    y_true, y_pred = labels_and_predictions(case)
    values = per_sample(case, y_true, y_pred)
    weight = torch.tensor([1.0, 0.5, 2.0], dtype=values.dtype)
    along = weight.reshape(-1, *[1] * (values.ndim - 1))
    weighted = values * along
    total = along.expand_as(values).sum()
    for reduction, plain, with_weight in (
        ("none", values, weighted),
        ("sum", values.sum(), weighted.sum()),
        ("sum_over_batch_size", values.mean(), weighted.sum() / values.numel()),
        ("mean_with_sample_weight", values.mean(), weighted.sum() / total),
    ):
        loss = made(case, reduction=reduction)
        on = f'reduction="{reduction}"'
        fix = "Leave __call__ to the base, and let call return one value per sample."
        assert_equal(case, plain, loss(y_true, y_pred), on=on, fix=fix)
        assert_equal(
            case, with_weight, loss(y_true, y_pred, weight), on=f"{on}, sample_weight={weight.tolist()}", fix=fix
        )
        if loss.logits_for:
            logits = loss(y_true, y_pred, on_logits=True)
            ones = loss(y_true, y_pred, torch.ones(3), on_logits=True)
            assert_equal(case, ones, logits, on=f"{on} on logits, with weights of 1 against none", fix=fix)


@CHECKS.check
def zero_weights(case: Case) -> None:
    """A weight of 0 leaves a sample out, padding for example: neither its value nor its gradient may get through."""
    loss = made(case)
    y_true, y_pred = labels_and_predictions(case)
    other = labels_and_predictions(case, seed=9)[1]
    changed = torch.cat([y_pred[:1], other[1:2], y_pred[2:]])
    weight = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)
    fix = "Leave weighting to the base: let call return one value per sample, and nothing but that."
    assert_equal(
        case,
        loss(y_true, y_pred, weight),
        loss(y_true, changed, weight),
        fix=fix,
        on="another prediction for a sample of weight 0",
    )
    value, grad = with_gradient(lambda p: loss(y_true, p, torch.zeros(3)), y_pred)
    if value.sum() != 0 or not bool((grad == 0).all()):
        fail(
            case,
            on="all weights 0",
            expected="a loss of 0 with a gradient of 0",
            got=f"{float(value.sum()):.6g}, with a gradient up to {float(grad.abs().max()):.6g}",
            fix=fix,
        )


@CHECKS.check
def empty_batch(case: Case) -> None:
    """The last batch of a filtered data set may be empty: NaN there ruins the weights of the whole training."""
    y_true, y_pred = labels_and_predictions(case, batch=0)
    with told(case, "a batch of 0", "Reductions such as max() fail on empty tensors: give them a dim."):
        value = made(case)(y_true, y_pred)
    if not bool(value.isfinite()):
        fail(case, on="a batch of 0", expected="0", got=float(value), fix=_SAMPLE)


@CHECKS.check
def gradients(case: Case) -> None:
    """A loss whose derivative is not its own trains towards something else, and the loss that is shown looks right."""
    _gradcheck(case, torch.autograd.gradcheck, "the gradient")


@CHECKS.check
def second_gradients(case: Case) -> None:
    """Gradient penalties, Hessians and meta-learning derive the gradient again: a detached part of it is lost there."""
    _gradcheck(case, torch.autograd.gradgradcheck, "the second gradient")


@CHECKS.check
def dtypes(case: Case) -> None:
    """float64 is for checking results; half precision is too coarse to sum in: a loss computes in float32 at least."""
    for dtype, expected in ((torch.float64, torch.float64), (torch.bfloat16, torch.float32)):
        y_true, y_pred = labels_and_predictions(case, dtype)
        with told(case, f"predictions of {dtype_name(dtype)}", "Make tensors with dtype=y_pred.dtype."):
            value = made(case)(y_true, y_pred)
        if value.dtype != expected:
            fail(
                case,
                on=f"predictions of {dtype_name(dtype)}",
                expected=dtype_name(expected),
                got=dtype_name(value.dtype),
                fix="Make tensors with dtype=y_pred.dtype, and leave out .float().",
            )
    y_true, y_pred = labels_and_predictions(case)
    with Coarse() as coarse:
        per_sample(case, y_true, y_pred)
    if coarse.found:
        fail(
            case,
            on="predictions of float64",
            expected="no tensor coarser than float64",
            got=f"a coarser dtype at {only(coarse.found)}",
            fix="Leave out .float() and dtype=torch.float32.",
        )


@CHECKS.check
def label_dtypes(case: Case) -> None:
    """Class numbers come as int64, int32 or float32, as a loader happens to have them: they mean the same."""
    y_true, y_pred = labels_and_predictions(case)
    if y_true.is_floating_point():
        raise Skip("its labels are no whole numbers")
    if isinstance(case.subject.value, type) and issubclass(case.subject.value, torch.nn.Module):
        raise Skip("torch's losses take int64 labels, and say so")
    loss = made(case)
    expected = loss(y_true, y_pred)
    for dtype in (torch.int32, torch.float32, torch.float64):
        with told(case, f"labels of {dtype_name(dtype)}", "Convert labels: y_true.long(), or y_true.to(y_pred.dtype)."):
            got = loss(y_true.to(dtype), y_pred)
        assert_equal(
            case,
            expected,
            got,
            on=f"labels of {dtype_name(dtype)}, against int64",
            fix="Convert labels: y_true.long(), or y_true.to(y_pred.dtype).",
        )


@CHECKS.check
def devices(case: Case) -> None:
    """A constant that is made on the CPU works on every laptop and on no GPU."""
    y_true, y_pred = (one.to("meta") for one in labels_and_predictions(case, torch.float32))
    fix = "Make tensors with device=y_pred.device, or y_pred.new_tensor(...); read none with .item()."
    with told(case, "tensors on another device (meta)", fix):
        value = made(case)(y_true, y_pred)
    if value.device.type != "meta" or value.shape != ():
        fail(
            case,
            on="tensors on another device (meta)",
            expected="a 0-d loss there",
            got=f"shape {tuple(value.shape)} on {value.device}",
            fix=fix,
        )


@CHECKS.check
def inputs_stay(case: Case) -> None:
    """Metrics are shown the same labels and predictions after the loss: changed in place, they measure others."""
    given, before = labels_and_predictions(case), labels_and_predictions(case)
    made(case)(*given)
    assert_equal(
        case,
        before,
        given,
        exact=True,
        on="labels and predictions after a call",
        fix="Work on a new tensor: y = y.clamp(0, 1) in place of y.clamp_(0, 1).",
    )


@CHECKS.check
def strides(case: Case) -> None:
    """Predictions of convolutions and attention are not contiguous: `view` fails on them."""
    loss = made(case)
    y_true, y_pred = labels_and_predictions(case)
    scattered = [one.transpose(0, -1).contiguous().transpose(0, -1) for one in (y_true, y_pred)]
    if y_true.ndim == 1:
        scattered[0] = torch.stack([y_true, y_true], dim=-1)[:, 0]
    with told(case, "tensors that are not contiguous", "Use reshape in place of view."):
        got = loss(*scattered)
    assert_equal(
        case, loss(y_true, y_pred), got, on="tensors that are not contiguous", fix="Use reshape in place of view."
    )


@CHECKS.check
def deterministic(case: Case) -> None:
    """A loss that draws numbers, or remembers the batch before, gives another value for the same predictions."""
    loss = made(case)
    y_true, y_pred = labels_and_predictions(case)
    torch.manual_seed(1)
    first = loss(y_true, y_pred)
    loss(*labels_and_predictions(case, seed=5))
    torch.manual_seed(2)
    assert_equal(
        case,
        first,
        loss(y_true, y_pred),
        exact=True,
        on="the same batch once more, after another one",
        fix="Let call depend on its arguments only.",
    )


@CHECKS.check
def on_logits(case: Case) -> None:
    """Where a model ends in a softmax, training calls call_on_logits in place of call: both must be one loss."""
    corekit_only(case, "call_on_logits")
    loss = made(case)
    if not loss.logits_for:
        raise Skip("it has no way of its own with logits (logits_for is None)")
    link: Any = _LINKS.get(loss.logits_for) or create("activations", loss.logits_for)
    y_true, y_pred = labels_and_predictions(case)
    logits = 4 * y_pred - 1
    expected, by_link = with_gradient(lambda p: loss(y_true, link(p)), logits)
    got, by_logits = with_gradient(lambda p: loss(y_true, p, on_logits=True), logits)
    fix = f"call_on_logits(y_true, logits) is call(y_true, {loss.logits_for}(logits)), put more steadily."
    on = f"call_on_logits, against call after a {loss.logits_for}"
    assert_equal(case, expected, got, on=on, fix=fix, tolerance=1e-6)  # call keeps probabilities off 0 and 1
    assert_equal(case, by_link, by_logits, on=f"the gradient of {on}", fix=fix, tolerance=1e-6)


@CHECKS.check
def extremes(case: Case) -> None:
    """A sure prediction is 0 or 1 in float32, and logits grow to hundreds: log(0) there ends a training in NaN."""
    y_true, y_pred = labels_and_predictions(case, torch.float32)
    spec = case.example.inputs[1]
    is_share = spec.low >= 0 and spec.high <= 1
    low, high = (0.0, 1.0) if is_share else (-_FAR, _FAR)
    rows = y_pred.reshape(-1, y_pred.shape[-1]) if y_pred.ndim > 1 and y_pred.shape[-1] > 1 else y_pred.reshape(1, -1)
    largest, least_one = (
        torch.zeros_like(rows).scatter_(-1, place, 1.0).reshape(y_pred.shape)
        for place in (rows.argmax(-1, keepdim=True), rows.argmin(-1, keepdim=True))
    )
    loss = made(case)
    ways = [("", low, high, False)]
    if loss.logits_for:
        ways.append(("logits of ", -_FAR, _FAR, True))
    for what, least, most, on_logits in ways:
        for sure in (largest, least_one):  # one class of each row has all
            predictions = least + (most - least) * sure
            call = functools.partial(loss, y_true, on_logits=on_logits)
            value, grad = with_gradient(call, predictions)
            if not bool(value.isfinite()) or not bool(grad.isfinite().all()):
                got = f"{float(value)}, with a gradient of {float(grad.abs().max())}"
                fix = "Keep probabilities off 0 and 1 (clamp), and use logsigmoid or log_softmax of logits."
                fail(
                    case,
                    on=f"predictions of {what}{least:g} and {most:g} only",
                    expected="a finite loss",
                    got=got,
                    fix=fix,
                )


@CHECKS.check
def least_at_the_truth(case: Case) -> None:
    """A loss that is lower for a wrong prediction than for the right one trains the wrong one."""
    labels, predictions = case.example.inputs
    if labels != predictions:
        raise Skip("labels and predictions are no values of one kind: their examples differ")
    y_true, y_pred = labels_and_predictions(case)
    right, wrong = per_sample(case, y_true, y_true), per_sample(case, y_true, y_pred)
    if not bool((right <= wrong).all()):
        place = int((right - wrong).flatten().argmax())
        fail(
            case,
            on="predictions that are the labels, against others",
            expected="the least loss of all",
            got=f"{float(right.flatten()[place]):.6g}, and {float(wrong.flatten()[place]):.6g} for others",
            fix="A distance grows with y_pred - y_true on both sides; check the sign.",
        )


@CHECKS.check
def gradient_at_the_truth(case: Case) -> None:
    """A prediction that is exactly right must end no training: the root of 0 has no derivative, and gives NaN."""
    y_true, y_pred = labels_and_predictions(case, torch.float32)
    if not y_true.is_floating_point() or y_true.shape != y_pred.shape:
        raise Skip("its labels are no predictions: their shape or kind differs")
    value, grad = with_gradient(functools.partial(made(case), y_true), y_true)
    if not bool(value.isfinite()) or not bool(grad.isfinite().all()):
        got = f"{float(value)}, with a gradient of {float(grad.abs().max())}"
        fix = "Keep roots and logarithms off 0: (x + epsilon).sqrt(), or torch functions that do so."
        fail(case, on="predictions that are the labels", expected="a finite loss and gradient", got=got, fix=fix)


def _gradcheck(case: Case, check: Any, what: str) -> None:
    loss = made(case)
    y_true, y_pred = labels_and_predictions(case)
    leaf = y_pred.clone().requires_grad_()
    fix = "Write call with torch functions of y_pred, without detach, .data, round or argmax; or correct its backward."
    ways = [("", False), *([(" on logits", True)] if loss.logits_for else [])]
    for way, is_logits in ways:

        def value(p: Tensor, on_logits: bool = is_logits) -> Tensor:
            return loss(y_true, p, on_logits=on_logits)  # type: ignore[no-any-return]  # a stranger

        if not value(leaf).requires_grad:
            fail(
                case, on=f"{what}{way}", expected="a loss that depends on y_pred", got="one without a gradient", fix=fix
            )
        if got := wrong_derivative(check, value, (leaf,), fast=False):
            on = f"{what}{way} by y_pred in float64"
            fail(case, on=on, expected="that of finite differences", got=got, fix=fix)


CHECKS.add(losses_training.CHECKS)
