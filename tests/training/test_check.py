"""What is refused before a step could spoil a weight."""

import numpy as np
import pytest
import torch

from corekit import Input, Layer, Model
from corekit.errors import ArgumentError, DataError, ShapeError
from corekit.training.check import check_counts, check_finite_loss, check_inputs, find_not_finite, refuse_not_finite

CPU = torch.device("cpu")
NAN, INF = float("nan"), float("inf")


@pytest.fixture
def pair_model(parts):
    """A model of inputs "a" (4) and "b" (3)."""
    a, b = Input(shape=(4,), name="a"), Input(shape=(3,), name="b")
    return Model([a, b], parts.Linear(1)(a) + parts.Linear(1)(b))


# Counts


@pytest.mark.parametrize("value", [1, 7, np.int64(3), None])
def test_whole_numbers_pass(value):
    check_counts("fit", epochs=value)


@pytest.mark.parametrize("value", [0, -1, 2.0, True, [3], "ten"])
def test_other_values_are_refused(value):
    with pytest.raises(ArgumentError, match=r"fit\(epochs=.*\): expected a whole number of at least 1\.$"):
        check_counts("fit", epochs=value)


def test_digits_in_quotes_are_explained():
    with pytest.raises(ArgumentError, match=r"fit\(epochs='3'\): expected a whole number.*\n  Write epochs=3, without"):
        check_counts("fit", epochs="3")


def test_zero_passes_where_it_may():
    check_counts("fit", least=0, epochs=0)


# Shapes


def test_fitting_shape_passes(make_model):
    check_inputs(make_model(), torch.zeros(9, 4), "fit")


def test_shape_error_names_both_shapes(make_model):
    with pytest.raises(ShapeError, match=r'fit: input ".*" of "sequential" has shape \(batch, 4\), got \(9, 5\)\.$'):
        check_inputs(make_model(), torch.zeros(9, 5), "fit")


def test_same_size_suggests_reshape(make_model):
    with pytest.raises(ShapeError, match=r"got \(9, 2, 2\)\.\n  Write  x\.reshape\(-1, 4\)\."):
        check_inputs(make_model(), torch.zeros(9, 2, 2), "fit")


def test_number_of_inputs_is_checked(pair_model):
    with pytest.raises(ShapeError, match=r'evaluate: "model" has 2 inputs \(a, b\), got 1\. Give a list.*or a dict'):
        check_inputs(pair_model, torch.zeros(9, 4), "evaluate")


def test_inputs_by_name_pass_in_any_order(pair_model):
    check_inputs(pair_model, {"b": torch.zeros(9, 3), "a": torch.zeros(9, 4)}, "fit")


def test_missing_input_name_is_counted(pair_model):
    with pytest.raises(ShapeError, match=r"2 inputs \(a, b\), got 1"):
        check_inputs(pair_model, {"b": torch.zeros(9, 3)}, "fit")


def test_dict_model_goes_by_its_keys(parts):
    inputs = {"long": Input(shape=(4,)), "short": Input(shape=(3,))}
    model = Model(inputs, parts.Linear(1)(inputs["long"]) + parts.Linear(1)(inputs["short"]))

    check_inputs(model, {"short": torch.zeros(9, 3), "long": torch.zeros(9, 4)}, "fit")


def test_input_of_fixed_batch_takes_any_number(parts):
    inputs = Input(shape=(4,), batch_size=8)
    model = Model(inputs, parts.Linear(1)(inputs))

    check_inputs(model, torch.zeros(3, 4), "fit")


# NaN and infinity


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_first_bad_position_is_found(bad):
    x = torch.zeros(5, 3)
    x[3, 1] = x[4, 2] = bad

    assert find_not_finite(x, "x") == ("x", (3, 1))


def test_opposite_infinities_are_found():
    assert find_not_finite(torch.tensor([0.0, INF, -INF]), "x") == ("x", (1,))


def test_sum_too_large_is_no_infinity():
    assert find_not_finite(torch.full((100,), 3e38), "x") is None


def test_bad_leaf_is_named():
    x = {"a": torch.zeros(2), "b": [torch.zeros(2), torch.tensor([0.0, NAN])]}

    assert find_not_finite(x, "x") == ("x['b'][1]", (1,))


def test_integers_are_finite():
    assert find_not_finite(torch.tensor([1, 2]), "x") is None


@pytest.mark.parametrize("part", ["x", "y", "sample_weight"])
def test_bad_part_and_position_are_told(make_model, part):
    values = {"x": np.zeros((5, 4)), "y": np.zeros((5, 2)), "sample_weight": np.zeros((5, 1))}
    values[part][2, 0] = NAN

    with pytest.raises(DataError, match=rf"fit: {part} is not finite: the first .* is at {part}\[2, 0\]\.") as caught:
        refuse_not_finite(make_model(), values, CPU, "fit")

    assert f"numpy.isfinite({part})" in str(caught.value)


def test_repair_line_of_error_works():
    x = np.zeros((5, 2, 2))
    x[3, 1, 0] = NAN

    keep = np.isfinite(x).reshape(len(x), -1).all(1)  # the line that the error shows

    assert keep.tolist() == [True, True, True, False, True]


class Mend(Layer):
    """Puts 0 in the place of what is no number."""

    def call(self, inputs):
        return torch.nan_to_num(inputs, posinf=0.0, neginf=0.0)


def test_model_that_mends_nan_takes_it(make_model, parts):
    x = torch.zeros(5, 4)
    x[1, 1] = NAN

    refuse_not_finite(make_model(Mend(), parts.Linear(2)), {"x": x}, CPU, "fit")


def test_infinity_that_output_hides_is_refused(make_model, parts):
    """A sigmoid of infinity is 1, but the gradient of the weights is infinity times 0."""
    x = torch.zeros(5, 4)
    x[1, 1] = INF

    with pytest.raises(DataError, match=r"x\[1, 1\]"):
        refuse_not_finite(make_model(parts.Linear(2, torch.sigmoid)), {"x": x}, CPU, "fit")


def test_wrong_shape_is_told_before_nan(make_model):
    with pytest.raises(ShapeError, match=r"has shape \(batch, 4\)"):
        refuse_not_finite(make_model(), {"x": torch.full((5, 3), NAN)}, CPU, "fit")


@pytest.mark.parametrize("loss", [NAN, INF])
def test_bad_loss_is_told_with_causes(loss):
    with pytest.raises(DataError, match=rf"the loss is {loss} after epoch 3.*\n.*learning rate"):
        check_finite_loss({"loss": loss}, 2)


def test_logs_without_loss_pass():
    check_finite_loss({"accuracy": 0.5}, 0)
