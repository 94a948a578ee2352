"""Losses that torch computes in one call are those that the general way gives."""

from typing import Any

import pytest
import torch
from corekit_objectives import fused
from torch.nn import functional

from corekit import losses
from corekit.errors import CorekitError

torch.manual_seed(0)
LOGITS = torch.randn(6, 4, dtype=torch.float64) * 5
NUMBERS = torch.tensor([0, 3, 1, 1, 2, 0])
ONE_HOT = functional.one_hot(NUMBERS, 4)
YES = (torch.randn(6, 4) > 0).long()

CASES = {
    "categorical": (losses.CategoricalCrossentropy, {}, ONE_HOT),
    "categorical smoothed": (losses.CategoricalCrossentropy, {"label_smoothing": 0.2}, ONE_HOT),
    "categorical of shares": (losses.CategoricalCrossentropy, {}, torch.rand(6, 4)),
    "sparse": (losses.SparseCategoricalCrossentropy, {}, NUMBERS),
    "sparse column": (losses.SparseCategoricalCrossentropy, {}, NUMBERS[:, None].float()),
    "binary": (losses.BinaryCrossentropy, {}, YES),
    "binary smoothed": (losses.BinaryCrossentropy, {"label_smoothing": 0.2}, YES.float()),
}


@pytest.fixture
def general(monkeypatch: pytest.MonkeyPatch) -> None:
    """No batch is fit for torch's own calls."""
    monkeypatch.setattr(fused, "rows_of_logits", lambda loss, y_pred: False)


def value_and_gradient(loss: Any, labels: Any, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    logits = LOGITS.to(dtype).requires_grad_()
    value = loss(labels, logits, on_logits=True)
    return value, torch.autograd.grad(value, logits)[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight", "sum"])
@pytest.mark.parametrize("case", CASES)
def test_both_ways_agree(case: str, reduction: str, dtype: torch.dtype, request: pytest.FixtureRequest) -> None:
    make, arguments, labels = CASES[case]
    loss = make(reduction=reduction, **arguments)

    short = value_and_gradient(loss, labels, dtype)
    request.getfixturevalue("general")
    long = value_and_gradient(loss, labels, dtype)

    tolerance = 1e-6 if dtype == torch.float32 else 1e-14
    assert short[0].dtype == dtype
    assert torch.allclose(short[0], long[0], rtol=tolerance)
    assert torch.allclose(short[1], long[1], rtol=10 * tolerance, atol=tolerance)


@pytest.mark.parametrize("case", ["categorical", "sparse", "binary"])
def test_plain_batch_takes_one_call(case: str) -> None:
    make, arguments, labels = CASES[case]

    assert getattr(fused, case)(make(**arguments), labels, LOGITS) is not None


@pytest.mark.parametrize("reduction", ["none", None])
def test_values_per_sample_take_the_general_way(reduction: str | None) -> None:
    loss = losses.SparseCategoricalCrossentropy(reduction=reduction)

    assert loss(NUMBERS, LOGITS, on_logits=True).shape == (6,)


def test_half_precision_is_computed_in_float32() -> None:
    loss = losses.CategoricalCrossentropy()

    assert loss(ONE_HOT, LOGITS.bfloat16(), on_logits=True).dtype == torch.float32


def test_empty_batch_costs_nothing() -> None:
    for case in ("categorical", "sparse", "binary"):
        make, arguments, labels = CASES[case]

        assert make(**arguments)(labels[:0], LOGITS[:0], on_logits=True).item() == 0


@pytest.mark.parametrize("label", [-100, 4, -1])
def test_label_that_is_no_class_is_told(label: int) -> None:
    with pytest.raises(CorekitError, match="classes"):
        losses.SparseCategoricalCrossentropy()(NUMBERS * 0 + label, LOGITS, on_logits=True)


def test_yes_or_no_in_one_dimension_fits_one_column() -> None:
    loss, y = losses.BinaryCrossentropy(), YES[:, 0]

    assert torch.equal(loss(y, LOGITS[:, :1], on_logits=True), loss(y[:, None], LOGITS[:, :1], on_logits=True))
