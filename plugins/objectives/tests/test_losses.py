"""What losses promise beyond Keras's numbers: logits, names, dtypes, shapes, errors."""

import numpy as np
import pytest
import torch
from corekit_objectives.binary_crossentropy import BinaryCrossentropy, binary_crossentropy
from corekit_objectives.categorical_crossentropy import CategoricalCrossentropy, categorical_crossentropy
from corekit_objectives.huber import Huber
from corekit_objectives.mean_squared_error import MeanSquaredError, mean_squared_error
from corekit_objectives.sparse_categorical_crossentropy import (
    SparseCategoricalCrossentropy,
    sparse_categorical_crossentropy,
)

import corekit as ck
from corekit.errors import ArgumentError, ShapeError

LABELS = torch.tensor([0, 2, 1, 2])
ONE_HOT = torch.eye(3)[LABELS]
HEADS = {
    "binary": (BinaryCrossentropy, torch.sigmoid, ONE_HOT),
    "categorical": (CategoricalCrossentropy, lambda x: x.softmax(-1), ONE_HOT),
    "sparse": (SparseCategoricalCrossentropy, lambda x: x.softmax(-1), LABELS),
}


def scores():
    torch.manual_seed(0)
    return torch.randn(4, 3)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("reduction", ["none", "sum_over_batch_size"])
def test_logits_give_the_loss_of_probabilities(head, reduction):
    cls, link, y_true = HEADS[head]
    loss = cls(reduction=reduction)

    # a probability of float32 is right to 6e-8, and one of 0.01 then has a logarithm right to 6e-6
    torch.testing.assert_close(loss(y_true, scores(), on_logits=True), loss(y_true, link(scores())), rtol=0, atol=1e-5)


@pytest.mark.parametrize("head", HEADS)
def test_extreme_logits_stay_finite(head):
    cls, _, y_true = HEADS[head]
    logits = (scores().sign() * 1e4).requires_grad_()

    value = cls()(y_true, logits, on_logits=True)
    value.backward()

    assert value.isfinite()
    assert logits.grad.isfinite().all()


def test_links_are_declared():
    assert [BinaryCrossentropy().logits_for, CategoricalCrossentropy().logits_for] == ["sigmoid", "softmax"]
    assert SparseCategoricalCrossentropy().logits_for == "softmax"


@pytest.mark.parametrize("head", HEADS)
def test_logits_from_the_model_need_no_link(head):
    assert HEADS[head][0](from_logits=True).logits_for is None


def test_other_axis_needs_no_link():
    assert CategoricalCrossentropy(axis=1).logits_for is None


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("mse", "MeanSquaredError"),
        ("MAE", "MeanAbsoluteError"),
        ("bce", "BinaryCrossentropy"),
        ("kld", "KLDivergence"),
        ("huber", "Huber"),
        ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"),
    ],
)
def test_name_makes_the_class(name, own):
    assert type(ck.losses.get(name)).__name__ == own


def test_attributes_are_functions_and_classes():
    assert ck.losses.mse is ck.losses.mean_squared_error is mean_squared_error
    assert ck.losses.MeanSquaredError is MeanSquaredError


def test_half_precision_is_computed_in_float32():
    y_pred = torch.full((2, 1), 1.0, dtype=torch.bfloat16)

    for value in (BinaryCrossentropy()(torch.zeros(2, 1), y_pred), binary_crossentropy(torch.zeros(2, 1), y_pred)):
        assert value.dtype == torch.float32
        assert value.isfinite().all()


def test_float64_stays_float64():
    assert MeanSquaredError()(np.zeros((2, 1)), torch.zeros(2, 1, dtype=torch.float64)).dtype == torch.float64
    assert MeanSquaredError()(np.zeros((2, 1)), torch.zeros(2, 1)).dtype == torch.float32


def test_dtype_is_that_of_the_result():
    assert MeanSquaredError(dtype="float64")(torch.zeros(2, 1), torch.zeros(2, 1)).dtype == torch.float64


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64, torch.float32, torch.float64])
def test_labels_may_be_of_any_number_type(dtype):
    probabilities = scores().softmax(-1)

    torch.testing.assert_close(
        sparse_categorical_crossentropy(LABELS.to(dtype), probabilities),
        categorical_crossentropy(ONE_HOT.to(dtype), probabilities),
    )


def test_column_and_row_do_not_make_a_table():
    assert MeanSquaredError(reduction="none")(torch.zeros(5), torch.ones(5, 1)).tolist() == [1.0] * 5


def test_all_labels_ignored_gives_zero():
    loss = SparseCategoricalCrossentropy(ignore_class=1)

    assert loss(torch.ones(4), scores().softmax(-1)) == 0


def test_minus_hundred_is_no_secret_word():
    with pytest.raises(ShapeError, match="y_true goes from -100 to 2"):
        sparse_categorical_crossentropy(torch.tensor([0, -100, 1, 2]), scores())


def test_smoothing_follows_the_axis_of_classes():
    y_pred = torch.rand(2, 3, 5)
    y_true = torch.eye(3)[torch.zeros(2, 5, dtype=torch.long)].movedim(-1, 1)

    smooth = categorical_crossentropy(y_true, y_pred, label_smoothing=0.3, axis=1)

    expected = categorical_crossentropy(y_true.movedim(1, -1), y_pred.movedim(1, -1), label_smoothing=0.3)
    torch.testing.assert_close(smooth, expected)


@pytest.mark.parametrize("head", HEADS)
def test_weights_are_per_sample(head):
    cls, link, y_true = HEADS[head]
    values = cls(reduction="none")(y_true, link(scores()))
    weights = torch.tensor([1.0, 0.0, 2.0, 0.5])

    torch.testing.assert_close(cls()(y_true, link(scores()), weights), (values * weights).mean())


def test_weights_reach_every_step_of_a_sequence():
    y_true, y_pred = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)

    values = MeanSquaredError(reduction="none")(y_true, y_pred, torch.tensor([1.0, 2.0]))

    assert values.tolist() == [[1.0] * 3, [2.0] * 3]


@pytest.mark.parametrize(
    ("function", "y_true", "y_pred", "words"),
    [
        (categorical_crossentropy, (8,), (8, 10), ["class numbers", "sparse_categorical_crossentropy"]),
        (categorical_crossentropy, (8, 1), (8, 10), ["(8, 1)", "(8, 10)", "utils.to_categorical(y_true, 10)"]),
        (categorical_crossentropy, (8, 7), (8, 10), ["(8, 7)", "one unit for each class"]),
        (categorical_crossentropy, (8, 1), (8, 1), ["two classes or more", "binary_crossentropy"]),
        (sparse_categorical_crossentropy, (8, 10), (8, 10), ["one-hot", "categorical_crossentropy", "argmax(-1)"]),
        (sparse_categorical_crossentropy, (7,), (8, 10), ["(7,)", "expected labels of shape (8,)"]),
        (sparse_categorical_crossentropy, (8,), (8, 1), ["two classes or more", "binary_crossentropy"]),
        (binary_crossentropy, (8, 3), (8, 1), ["(8, 3)", "(8, 1)", "last layer 3 units"]),
        (mean_squared_error, (8, 3), (8, 1), ["mean_squared_error", "(8, 3)", "last layer 3 units"]),
        (mean_squared_error, (8, 6), (8, 2, 3), ["y_true.reshape((8, 2, 3))"]),
        (mean_squared_error, (8,), (8, 3), ["(8,)", "(8, 3)", "Dense(1)"]),
    ],
)
def test_wrong_shape_says_what_to_write(function, y_true, y_pred, words):
    with pytest.raises(ShapeError) as error:
        function(torch.zeros(y_true), torch.ones(y_pred))

    for word in words:
        assert word in str(error.value)


def test_label_beyond_the_classes_is_named():
    with pytest.raises(ShapeError) as error:
        SparseCategoricalCrossentropy()(torch.tensor([1, 3, 0, 2]), scores())

    assert "y_true goes from 0 to 3, but y_pred has 3 classes" in str(error.value)
    assert "4 units" in str(error.value)


def test_weight_of_another_length_is_named():
    with pytest.raises(ShapeError, match=r"sample_weight has shape \(3,\).*\n.*shape \(4,\)"):
        MeanSquaredError()(torch.zeros(4, 1), torch.zeros(4, 1), torch.ones(3))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CategoricalCrossentropy(label_smoothing=2), "CategoricalCrossentropy(label_smoothing=2)"),
        (lambda: BinaryCrossentropy(label_smoothing="much"), "BinaryCrossentropy(label_smoothing='much')"),
        (lambda: Huber(delta=0), "Huber(delta=0): expected a number above 0"),
        (lambda: Huber(delta="one"), "Huber(delta='one')"),
        (lambda: MeanSquaredError(reduction="average"), 'MeanSquaredError(reduction="average")'),
    ],
)
def test_bad_argument_is_named(make, words):
    with pytest.raises(ArgumentError) as error:
        make()

    assert words in str(error.value)


def test_weights_keep_their_precision_beside_ignored_classes():
    weight = torch.tensor([0.1, 0.2, 0.3, 0.7], dtype=torch.float64)
    plain, ignoring = SparseCategoricalCrossentropy(), SparseCategoricalCrossentropy(ignore_class=9)

    values = [loss(LABELS, scores().double().softmax(-1), weight) for loss in (plain, ignoring)]

    torch.testing.assert_close(*values, rtol=1e-14, atol=0)
