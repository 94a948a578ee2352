"""Losses give Keras's values and gradients; metrics give its results over several batches; all of them weighted too."""

import numpy as np
import pytest
import torch

import corekit as ck

BATCH, CLASSES = 6, 4
LOSSES = {
    "mse": ("MeanSquaredError", {}, "numbers", "scores"),
    "mse_column": ("MeanSquaredError", {}, "column", "column_scores"),
    "mae": ("MeanAbsoluteError", {}, "numbers", "scores"),
    "huber": ("Huber", {}, "numbers", "scores"),
    "huber_delta": ("Huber", {"delta": 0.3}, "numbers", "scores"),
    "kl": ("KLDivergence", {}, "soft", "probabilities"),
    "bce": ("BinaryCrossentropy", {}, "many_hot", "probabilities"),
    "bce_labels": ("BinaryCrossentropy", {}, "yes_no", "column_probabilities"),
    "bce_logits": ("BinaryCrossentropy", {"from_logits": True}, "many_hot", "scores"),
    "bce_smooth": ("BinaryCrossentropy", {"label_smoothing": 0.2}, "many_hot", "probabilities"),
    "bce_smooth_logits": ("BinaryCrossentropy", {"label_smoothing": 0.2, "from_logits": True}, "many_hot", "scores"),
    "bce_clipped": ("BinaryCrossentropy", {}, "many_hot", "certain"),
    "cce": ("CategoricalCrossentropy", {}, "one_hot", "probabilities"),
    "cce_unnormalised": ("CategoricalCrossentropy", {}, "one_hot", "positive"),
    "cce_logits": ("CategoricalCrossentropy", {"from_logits": True}, "one_hot", "scores"),
    "cce_smooth": ("CategoricalCrossentropy", {"label_smoothing": 0.3}, "one_hot", "probabilities"),
    "cce_clipped": ("CategoricalCrossentropy", {}, "one_hot", "certain_classes"),
    "cce_soft_sequence": ("CategoricalCrossentropy", {}, "soft_sequence", "sequence"),
    "cce_axis": ("CategoricalCrossentropy", {"axis": 1}, "soft_sequence", "sequence"),
    "scce": ("SparseCategoricalCrossentropy", {}, "labels", "probabilities"),
    "scce_column": ("SparseCategoricalCrossentropy", {}, "label_column", "positive"),
    "scce_logits": ("SparseCategoricalCrossentropy", {"from_logits": True}, "labels", "scores"),
    "scce_sequence": ("SparseCategoricalCrossentropy", {}, "sequence_labels", "sequence"),
    "scce_axis": ("SparseCategoricalCrossentropy", {"axis": 1, "from_logits": True}, "axis_labels", "sequence"),
    "scce_ignore": ("SparseCategoricalCrossentropy", {"ignore_class": 1}, "labels", "probabilities"),
    "scce_ignore_minus": ("SparseCategoricalCrossentropy", {"ignore_class": -1, "from_logits": True}, "gaps", "scores"),
}
REDUCTIONS = ["none", "sum", "sum_over_batch_size", "mean", "mean_with_sample_weight"]
BATCHES, WIDTH = (5, 5, 3), 7
METRICS = {
    "binary": ("BinaryAccuracy", {}, "many_hot", "probabilities"),
    "binary_threshold": ("BinaryAccuracy", {"threshold": 0.2}, "yes_no", "column_probabilities"),
    "categorical": ("CategoricalAccuracy", {}, "one_hot", "probabilities"),
    "sparse": ("SparseCategoricalAccuracy", {}, "labels", "probabilities"),
    "sparse_column": ("SparseCategoricalAccuracy", {}, "label_column", "probabilities"),
    "sparse_sequence": ("SparseCategoricalAccuracy", {}, "sequence_labels", "sequence"),
    "top_k": ("TopKCategoricalAccuracy", {"k": 2}, "one_hot", "probabilities"),
    "sparse_top_k": ("SparseTopKCategoricalAccuracy", {"k": 3}, "labels", "probabilities"),
    "sparse_top_k_sequence": ("SparseTopKCategoricalAccuracy", {"k": 3}, "sequence_labels", "sequence"),
    "sparse_top_k_ids": ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, "labels", "ids"),
    "mse": ("MeanSquaredError", {}, "numbers", "scores"),
    "mse_column": ("MeanSquaredError", {}, "column", "column_scores"),
    "rmse": ("RootMeanSquaredError", {}, "numbers", "scores"),
    "rmse_column": ("RootMeanSquaredError", {}, "column", "column_scores"),
    "mae": ("MeanAbsoluteError", {}, "numbers", "scores"),
    "mae_sequence": ("MeanAbsoluteError", {}, "sequence", "other_sequence"),
    "bce": ("BinaryCrossentropy", {}, "many_hot", "probabilities"),
    "bce_logits": ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "many_hot", "scores"),
    "cce": ("CategoricalCrossentropy", {"label_smoothing": 0.2}, "one_hot", "probabilities"),
    "cce_logits": ("CategoricalCrossentropy", {"from_logits": True}, "one_hot", "scores"),
    "scce": ("SparseCategoricalCrossentropy", {}, "labels", "probabilities"),
    "scce_logits": ("SparseCategoricalCrossentropy", {"from_logits": True}, "labels", "scores"),
    "scce_ignore": ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "labels", "probabilities"),
    "equal_integers": ("Accuracy", {}, "labels", "guesses"),
    "mean": ("Mean", {}, None, "column"),
    "mean_table": ("Mean", {}, None, "scores"),
    "sum": ("Sum", {}, None, "column"),
    "sum_table": ("Sum", {}, None, "scores"),
}
# Without weights Keras's metric counts ignored labels, and its loss does not: see test_ignored_labels_do_not_count.
WAYS = [
    (case, weighted) for case in METRICS for weighted in (False, True) if (case, weighted) != ("scce_ignore", False)
]
SCRIPT = f"""
for case, (cls, kwargs, true, pred) in {LOSSES!r}.items():
    y_true = globals()[true]
    for reduction in {REDUCTIONS!r}:
        loss = getattr(keras.losses, cls)(reduction=reduction, **kwargs)
        result[f"{{case}}.{{reduction}}"] = loss(y_true, globals()[pred])
        if y_true.ndim < 3 and "sequence" not in pred:
            result[f"{{case}}.{{reduction}}.weighted"] = loss(y_true, globals()[pred], weights)
    y_pred = torch.tensor(globals()[pred], requires_grad=True)
    getattr(keras.losses, cls)(**kwargs)(y_true, y_pred).backward()
    result[case + ".gradient"] = y_pred.grad
for case, (cls, kwargs, true, pred) in {METRICS!r}.items():
    for weighted in (False, True):
        metric = getattr(keras.metrics, cls)(**kwargs)
        for number, begin in enumerate({[sum(BATCHES[:i]) for i in range(len(BATCHES))]!r}):
            part = slice(begin, begin + {BATCHES!r}[number])
            given = [globals()["m_" + name][part] for name in (true, pred) if name]
            metric.update_state(*given, sample_weight=m_weights[part] if weighted else None)
            result[f"m_{{case}}.{{weighted}}.{{number}}"] = metric.result().clone()  # Sum gives its state itself
for case, true, pred in [("binary", "yes_no", "column_probabilities"), ("sparse", "labels", "probabilities"),
                                  ("categorical", "one_hot", "probabilities")]:
    from keras.src.trainers.compile_utils import get_metric
    y_true, y_pred = torch.tensor(globals()["m_" + true]), torch.tensor(globals()["m_" + pred])
    metric = get_metric("accuracy", y_true, y_pred)
    metric.update_state(y_true, y_pred)
    result["accuracy." + case] = metric.result()
"""


def loss_arrays():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(BATCH, CLASSES)).astype("float32")
    softmax = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    labels = np.array([0, 3, 1, 2, 1, 3])
    sequence = rng.uniform(0.1, 1, size=(BATCH, 3, CLASSES)).astype("float32")
    soft = rng.dirichlet(np.ones(CLASSES), size=BATCH).astype("float32")
    return {
        "numbers": rng.normal(size=(BATCH, CLASSES)).astype("float32"),
        "column": rng.normal(size=BATCH).astype("float32"),
        "column_scores": rng.normal(size=(BATCH, 1)).astype("float32"),
        "scores": scores,
        "probabilities": softmax,
        "column_probabilities": softmax[:, :1],
        "positive": rng.uniform(0.1, 2, size=(BATCH, CLASSES)).astype("float32"),
        "certain": np.round(softmax),
        "certain_classes": np.eye(CLASSES, dtype="float32")[[0, 3, 2, 2, 1, 0]],
        "sequence": sequence,
        "soft": soft,
        "soft_sequence": rng.dirichlet(np.ones(CLASSES), size=(BATCH, 3)).astype("float32"),
        "one_hot": np.eye(CLASSES, dtype="int64")[labels],
        "many_hot": rng.integers(0, 2, size=(BATCH, CLASSES)),
        "yes_no": rng.integers(0, 2, size=BATCH).astype("uint8"),
        "labels": labels,
        "label_column": labels.astype("float32")[:, None],
        "gaps": np.array([0, -1, 1, -1, 2, 3]),
        "sequence_labels": rng.integers(0, CLASSES, size=(BATCH, 3)),
        "axis_labels": rng.integers(0, 3, size=(BATCH, CLASSES)),
        "weights": rng.uniform(size=BATCH).astype("float32"),
    }


def metric_arrays():
    rng = np.random.default_rng(1)
    size = sum(BATCHES)
    scores = rng.normal(size=(size, WIDTH)).astype("float32")
    softmax = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    labels = rng.integers(0, WIDTH, size=size)
    return {
        "scores": scores,
        "probabilities": softmax,
        "column_probabilities": softmax[:, :1],
        "numbers": rng.normal(size=(size, WIDTH)).astype("float32"),
        "column": rng.normal(size=size).astype("float32"),
        "column_scores": rng.normal(size=(size, 1)).astype("float32"),
        "sequence": rng.uniform(size=(size, 4, WIDTH)).astype("float32"),
        "other_sequence": rng.uniform(size=(size, 4, WIDTH)).astype("float32"),
        "sequence_labels": rng.integers(0, WIDTH, size=(size, 4)),
        "labels": labels,
        "guesses": np.where(rng.uniform(size=size) < 0.5, labels, 0),
        "label_column": labels[:, None].astype("float32"),
        "ids": rng.permuted(np.tile(np.arange(WIDTH), (size, 1)), axis=1),
        "one_hot": np.eye(WIDTH, dtype="float32")[labels],
        "many_hot": rng.integers(0, 2, size=(size, WIDTH)).astype("float32"),
        "yes_no": rng.integers(0, 2, size=size).astype("float32"),
        "weights": rng.uniform(size=size).astype("float32"),
    }


GIVEN = {**loss_arrays(), **{f"m_{name}": value for name, value in metric_arrays().items()}}


@pytest.fixture(scope="module")
def keras_says(keras_oracle):
    return keras_oracle(SCRIPT, **GIVEN)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("case", LOSSES)
def test_values_match_keras(case, reduction, keras_says):
    cls, kwargs, labels, predictions = LOSSES[case]
    loss = ck.get("losses", cls)(reduction=reduction, **kwargs)
    y_true, y_pred = torch.tensor(GIVEN[labels]), torch.tensor(GIVEN[predictions])

    value = loss(y_true, y_pred)

    np.testing.assert_allclose(value, keras_says[f"{case}.{reduction}"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("case", [case for case in LOSSES if "sequence" not in case and "axis" not in case])
def test_weighted_values_match_keras(case, reduction, keras_says):
    cls, kwargs, labels, predictions = LOSSES[case]
    loss = ck.get("losses", cls)(reduction=reduction, **kwargs)
    y_true, y_pred = torch.tensor(GIVEN[labels]), torch.tensor(GIVEN[predictions])

    value = loss(y_true, y_pred, torch.tensor(GIVEN["weights"]))

    np.testing.assert_allclose(value, keras_says[f"{case}.{reduction}.weighted"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", LOSSES)
def test_gradient_matches_keras(case, keras_says):
    cls, kwargs, labels, predictions = LOSSES[case]
    y_pred = torch.tensor(GIVEN[predictions], requires_grad=True)

    ck.get("losses", cls)(**kwargs)(torch.tensor(GIVEN[labels]), y_pred).backward()

    np.testing.assert_allclose(y_pred.grad, keras_says[f"{case}.gradient"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", LOSSES)
def test_function_gives_the_values_of_its_class(case):
    cls, kwargs, labels, predictions = LOSSES[case]
    component = ck.registry.registry.find("losses", cls)
    (twin,) = {target for target in component.targets.values() if target != component.targets[cls]}
    function = component.load(next(name for name, target in component.targets.items() if target == twin))
    y_true, y_pred = torch.tensor(GIVEN[labels]), torch.tensor(GIVEN[predictions])

    values = function(y_true, y_pred, **kwargs)

    torch.testing.assert_close(values, ck.get("losses", cls)(reduction="none", **kwargs)(y_true, y_pred))


@pytest.mark.parametrize(("case", "weighted"), WAYS)
def test_running_result_matches_keras(case, weighted, keras_says):
    cls, kwargs, labels, predictions = METRICS[case]
    metric = ck.get("metrics", cls)(**kwargs)

    begin = 0
    for number, size in enumerate(BATCHES):
        part = slice(begin, begin := begin + size)
        given = [torch.tensor(GIVEN["m_" + name][part]) for name in (labels, predictions) if name]
        metric.update_state(*given, sample_weight=torch.tensor(GIVEN["m_weights"][part]) if weighted else None)

        expected = keras_says[f"m_{case}.{weighted}.{number}"]
        np.testing.assert_allclose(metric.result(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("case", "labels", "predictions"),
    [
        ("binary", "yes_no", "column_probabilities"),
        ("sparse", "labels", "probabilities"),
        ("categorical", "one_hot", "probabilities"),
    ],
)
def test_accuracy_resolves_as_keras_does(case, labels, predictions, keras_says):
    metric = ck.metrics.get("accuracy")

    value = metric(torch.tensor(GIVEN["m_" + labels]), torch.tensor(GIVEN["m_" + predictions]))

    np.testing.assert_allclose(value, keras_says[f"accuracy.{case}"], rtol=1e-6)
