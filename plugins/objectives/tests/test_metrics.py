"""What metrics promise beyond Keras's numbers: names, state, shapes, errors."""

import numpy as np
import pytest
import torch
from corekit_objectives.accuracy import Accuracy
from corekit_objectives.binary_accuracy import BinaryAccuracy, binary_accuracy
from corekit_objectives.categorical_accuracy import categorical_accuracy
from corekit_objectives.error_metrics import MeanSquaredError, RootMeanSquaredError
from corekit_objectives.mean import Mean, Sum
from corekit_objectives.sparse_categorical_accuracy import sparse_categorical_accuracy
from corekit_objectives.top_k_accuracy import (
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    sparse_top_k_categorical_accuracy,
)

import corekit as ck
from corekit.errors import ArgumentError, ShapeError


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("accuracy", "Accuracy"),
        ("acc", "Accuracy"),
        ("mse", "MeanSquaredError"),
        ("MAE", "MeanAbsoluteError"),
        ("root_mean_squared_error", "RootMeanSquaredError"),
        ("binary_accuracy", "BinaryAccuracy"),
        ("sparse_categorical_accuracy", "SparseCategoricalAccuracy"),
        ("top_k_categorical_accuracy", "TopKCategoricalAccuracy"),
        ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"),
        ("bce", "BinaryCrossentropy"),
        ("mean", "Mean"),
    ],
)
def test_name_makes_the_class(name, own):
    metric = ck.metrics.get(name)

    assert type(metric).__name__ == own
    assert isinstance(metric, ck.Metric)


def test_attributes_are_functions_and_classes():
    assert ck.metrics.accuracy is ck.metrics.Accuracy is Accuracy
    assert ck.metrics.binary_accuracy is binary_accuracy
    assert ck.metrics.mean_squared_error is ck.losses.mean_squared_error


def test_loss_and_metric_of_one_name_differ():
    assert ck.metrics.MeanSquaredError is MeanSquaredError
    assert ck.losses.MeanSquaredError is not MeanSquaredError


@pytest.mark.parametrize(
    ("y_true", "y_pred", "expected"),
    [
        ([1, 0, 0, 1], [[0.9], [0.2], [0.7], [0.6]], 0.75),
        ([[1], [0]], [[0.4], [0.2]], 0.5),
        ([1.0, 0.0], [0.9, 0.8], 0.5),
        ([1, 0], [[0.2, 0.8], [0.4, 0.6]], 0.5),
        ([[1], [0]], [[0.2, 0.8], [0.4, 0.6]], 0.5),
        ([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]], 0.5),
        ([1, 2, 3], [1, 2, 4], 2 / 3),
        ([[1, 2], [3, 4]], [[1, 0], [3, 4]], 0.75),
    ],
)
def test_accuracy_sees_what_is_compared(y_true, y_pred, expected):
    assert Accuracy()(y_true, y_pred).item() == pytest.approx(expected)


def test_accuracy_refuses_other_shapes():
    with pytest.raises(ShapeError, match=r"\(8, 4\).*\(8, 3\)"):
        Accuracy()(torch.zeros(8, 4), torch.zeros(8, 3))


@pytest.mark.parametrize(
    ("function", "y_true", "words"),
    [
        (sparse_categorical_accuracy, (8, 3), "Write  categorical_accuracy"),
        (sparse_top_k_categorical_accuracy, (8, 3), "Write  top_k_categorical_accuracy"),
        (sparse_categorical_accuracy, (7,), "expected labels of shape (8,)"),
        (categorical_accuracy, (8, 2), "categorical_accuracy: y_true has shape (8, 2)"),
    ],
)
def test_wrong_labels_say_what_to_write(function, y_true, words):
    with pytest.raises(ShapeError) as error:
        function(torch.zeros(y_true), torch.rand(8, 3))

    assert words in str(error.value)


@pytest.mark.parametrize("k", [0, -1, 2.0, True])
@pytest.mark.parametrize("cls", [TopKCategoricalAccuracy, SparseTopKCategoricalAccuracy])
def test_k_is_a_whole_number(cls, k):
    with pytest.raises(ArgumentError, match=rf"{cls.__name__}\(k={k}\)"):
        cls(k=k)


def test_k_beyond_the_classes_finds_all():
    assert sparse_top_k_categorical_accuracy(torch.tensor([0, 1]), torch.rand(2, 3), k=5).tolist() == [1.0, 1.0]


def test_ties_with_the_last_count():
    assert sparse_top_k_categorical_accuracy(torch.tensor([2]), torch.tensor([[0.5, 0.3, 0.3]]), k=2).item() == 1


def test_lists_and_arrays_are_taken():
    metric = BinaryAccuracy()

    metric.update_state([1, 0], np.array([0.9, 0.8]), sample_weight=[1.0, 3.0])

    assert metric.result() == 0.25


def test_result_before_data_is_zero():
    assert [metric().result().item() for metric in (Accuracy, Mean, Sum, RootMeanSquaredError)] == [0.0] * 4


def test_no_weight_at_all_gives_zero():
    metric = Mean()

    metric.update_state(torch.ones(2), sample_weight=torch.zeros(2))

    assert metric.result() == 0


@pytest.mark.parametrize("weight", [None, torch.ones(4)])
def test_ignored_labels_do_not_count(weight):
    y_true, y_pred = torch.tensor([0, 2, 1, 2]), torch.rand(4, 3)
    loss = ck.losses.SparseCategoricalCrossentropy(ignore_class=2)
    metric = ck.metrics.SparseCategoricalCrossentropy(ignore_class=2)

    metric.update_state(y_true, y_pred, weight)

    torch.testing.assert_close(metric.result(), loss(y_true, y_pred, weight))


def test_half_predictions_are_averaged_in_float32():
    metric = MeanSquaredError()

    metric.update_state(torch.zeros(1000, 1), torch.full((1000, 1), 0.1, dtype=torch.bfloat16))

    assert metric.result().dtype == torch.float32
    assert metric.result().item() == pytest.approx(torch.tensor(0.1, dtype=torch.bfloat16).item() ** 2, rel=1e-5)


def test_dtype_is_that_of_the_state():
    assert Mean(dtype="float64").result().dtype == torch.float64
