"""Losses and metrics, matched with a model's outputs."""

import pytest
import torch

from corekit.errors import ArgumentError, ArgumentTypeError, ShapeError, UnknownNameError
from corekit.training.objective import Average, as_loss, as_metric, by_output, convert, output_names


def absolute(y_true, y_pred):
    return (y_true - y_pred).abs()


@pytest.fixture
def columns():
    """Labels of shape (4,) and predictions of shape (4, 1)."""
    return torch.arange(4.0), torch.tensor([[0.0], [1.0], [2.0], [5.0]])


# From what users write


def test_loss_stays_itself(parts):
    loss = parts.SquaredError()

    assert as_loss(loss) is loss


def test_loss_class_is_made(parts):
    assert isinstance(as_loss(parts.SquaredError), parts.SquaredError)


def test_function_loss_has_its_name():
    assert as_loss(absolute).name == "absolute"


def test_function_loss_is_averaged():
    y_true, y_pred = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 3.0]])

    assert as_loss(absolute)(y_true, y_pred) == 2


@pytest.mark.parametrize("spec", [torch.nn.MSELoss(), torch.nn.MSELoss], ids=["module", "class"])
def test_torch_loss_is_called_torchs_way(spec):
    loss = as_loss(spec)
    y_true, y_pred = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0])

    assert loss(y_true, y_pred) == torch.nn.functional.mse_loss(y_pred, y_true)
    assert loss.name == "MSELoss"


def test_torch_loss_gets_input_first():
    labels, logits = torch.tensor([0, 2]), torch.randn(2, 3)

    assert as_loss(torch.nn.CrossEntropyLoss())(labels, logits) == torch.nn.functional.cross_entropy(logits, labels)


def test_no_loss_is_none():
    assert as_loss(None) is None


def test_function_loss_matches_ranks(columns):
    """Labels (4,) against predictions (4, 1) would make (4, 4)."""
    assert as_loss(absolute)(*columns) == 0.5


def test_torch_loss_matches_ranks(columns):
    assert as_loss(torch.nn.L1Loss())(*columns) == 0.5


def test_column_of_labels_matches_flat_predictions(columns):
    labels, predictions = columns

    assert as_loss(absolute)(labels.reshape(4, 1), predictions.reshape(4)) == 0.5


def test_function_metric_is_a_running_mean(columns):
    metric = as_metric(absolute)

    metric.update_state(*columns)
    metric.update_state(torch.zeros(2), torch.ones(2))

    assert metric.name == "absolute"
    assert metric.result() == pytest.approx((2 + 2) / 6)


def test_metric_object_stays_itself(parts):
    metric = parts.Gap(name="mine")

    assert as_metric(metric) is metric


@pytest.mark.parametrize("make", [as_loss, as_metric])
def test_unknown_name_is_an_error(make):
    with pytest.raises(UnknownNameError, match="nonsense_of_mine"):
        make("nonsense_of_mine")


@pytest.mark.parametrize("make", [as_loss, as_metric])
def test_other_objects_are_refused(make):
    with pytest.raises(ArgumentTypeError, match=r"got .*object"):
        make(object())


def test_number_for_a_loss_is_refused():
    with pytest.raises(ArgumentTypeError, match=r'compile\(loss=3\): expected a name such as "mse"'):
        convert({"left": 3}, as_loss, "loss")


# By output


@pytest.mark.parametrize(
    ("structure", "expected"),
    [
        (1, [1, 1]),
        (None, [None, None]),
        ([1, 2], [1, 2]),
        ((1, 2), [1, 2]),
        ({"b": 2, "a": 1}, [1, 2]),
        ({"b": 2}, [None, 2]),
    ],
    ids=["one", "none", "list", "tuple", "dict", "part"],
)
def test_values_are_given_to_outputs(structure, expected):
    assert by_output(structure, ["a", "b"], "loss") == expected


def test_wrong_number_of_values_is_told():
    with pytest.raises(ArgumentError, match=r"loss: got 3 for 2 outputs \(a, b\)\. Give one for each, None for"):
        by_output([1, 2, 3], ["a", "b"], "loss")


def test_unknown_output_is_told():
    with pytest.raises(ArgumentError, match=r"loss: the model has no output 'c'\. Its outputs: a, b\."):
        by_output({"c": 1}, ["a", "b"], "loss")


def test_dict_outputs_have_their_keys_as_names():
    assert output_names({"a": torch.zeros(1), "b": torch.zeros(1)}, ["x", "y"]) == ["a", "b"]


def test_unnamed_outputs_are_numbered():
    assert output_names([torch.zeros(1), torch.zeros(1)], []) == ["output_1", "output_2"]


def test_average_weighs_by_samples():
    average = Average("loss")

    average.update_state(torch.tensor(1.0), 3)
    average.update_state(torch.tensor(5.0), 1)

    assert average.result() == 2


# In a model


def test_logs_of_outputs_have_their_names(two_headed, regression, parts):
    x, y = regression
    model = two_headed(metrics={"left": [parts.Gap()], "right": [parts.Gap()]})

    logs = model.evaluate(x, [y, y[:, :1]], verbose=0, return_dict=True)

    assert list(logs) == ["loss", "left_loss", "right_loss", "left_gap", "right_gap"]


def test_compiling_again_keeps_metric_names(two_headed, regression, parts):
    x, y = regression
    metric = parts.Gap()
    for _ in range(2):
        model = two_headed(metrics=[[metric], []])
        logs = model.evaluate(x, [y, y[:, :1]], verbose=0, return_dict=True)

    assert "left_gap" in logs
    assert "left_left_gap" not in logs


def test_metrics_of_one_name_are_told_apart(make_model, regression):
    model = make_model(metrics=[lambda a, b: (a - b).abs(), lambda a, b: (a - b).square()])

    logs = model.evaluate(*regression, verbose=0, return_dict=True)

    assert list(logs) == ["loss", "<lambda>", "<lambda>_1"]


def test_output_without_loss_needs_no_labels(two_headed, regression, parts):
    x, y = regression
    model = two_headed(loss=[parts.SquaredError(), None])

    logs = model.evaluate(x, y, verbose=0, return_dict=True)

    assert list(logs) == ["loss", "left_loss"]
    assert logs["loss"] == logs["left_loss"] > 0


def test_missing_labels_of_an_output_are_told(two_headed, regression):
    x, y = regression

    with pytest.raises(ArgumentError, match='y has no labels for output "right", and its loss or metrics need them'):
        two_headed().evaluate(x, {"left": y}, verbose=0)


def test_number_of_labels_is_checked(two_headed, regression):
    with pytest.raises(ArgumentError, match=r"y: got 1 for 2 outputs \(left, right\)"):
        two_headed().evaluate(*regression, verbose=0)


def test_flat_metrics_for_outputs_are_explained(two_headed, regression, parts):
    x, y = regression

    with pytest.raises(ArgumentTypeError, match=r"metrics: the model has 2 outputs.*metrics=\{'left': \[\.\.\.\]\}"):
        two_headed(metrics=[parts.Gap()]).evaluate(x, [y, y[:, :1]], verbose=0)


def test_loss_error_names_shapes(make_model, regression):
    x, _ = regression

    with pytest.raises(ShapeError, match=r"labels of shape \(10, 3\) with predictions of shape \(10, 2\)"):
        make_model().evaluate(x, torch.zeros(10, 3), verbose=0)


def test_torch_loss_error_names_shapes(make_model, regression):
    x, _ = regression
    model = make_model(loss=torch.nn.CrossEntropyLoss())

    with pytest.raises(ShapeError, match=r'the loss "CrossEntropyLoss" of output ".*" cannot compare .*out of bounds'):
        model.evaluate(x, torch.full((10,), 7), verbose=0)


def test_unreduced_loss_is_explained(make_model, regression, parts):
    model = make_model(loss=parts.SquaredError(reduction="none"))

    with pytest.raises(ArgumentError, match=r'gave 10 values \(reduction=\'none\'\).*"sum_over_batch_size"'):
        model.evaluate(*regression, verbose=0)


@pytest.mark.parametrize("weights", ["heavy", ["1", "2"], {"left": "x"}])
def test_loss_weights_must_be_numbers(two_headed, weights):
    with pytest.raises(ArgumentTypeError, match=r"compile\(loss_weights=.*\): expected numbers, got '"):
        two_headed(loss_weights=weights)
