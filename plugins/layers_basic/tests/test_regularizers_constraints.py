"""Numbers are in test_keras_numbers.py."""

import pytest
import torch

from corekit import constraints, regularizers
from corekit.errors import ArgumentError, ShapeError


@pytest.mark.parametrize(
    ("alias", "name"),
    [("l1", "L1"), ("l2", "L2"), ("l1_l2", "L1L2"), ("orthogonal_regularizer", "OrthogonalRegularizer")],
)
def test_keras_spelling_is_the_regularizer(alias, name):
    assert getattr(regularizers, alias) is getattr(regularizers, name)


@pytest.mark.parametrize(
    ("alias", "name"),
    [("max_norm", "MaxNorm"), ("non_neg", "NonNeg"), ("unit_norm", "UnitNorm"), ("min_max_norm", "MinMaxNorm")],
)
def test_keras_spelling_is_the_constraint(alias, name):
    assert getattr(constraints, alias) is getattr(constraints, name)


def test_one_row_has_no_pair_to_charge():
    assert regularizers.OrthogonalRegularizer()(torch.ones(1, 3)) == 0


@pytest.mark.parametrize("factor", [-1, float("nan"), float("inf"), "big"], ids=repr)
@pytest.mark.parametrize("name", ["L1", "L2", "L1L2", "OrthogonalRegularizer"])
def test_factor_must_be_a_number_from_0(name, factor):
    with pytest.raises(ArgumentError, match=rf"{name}\(\w+=.*\): expected a finite number from 0"):
        getattr(regularizers, name)(factor)


def test_orthogonal_mode_must_be_rows_or_columns():
    with pytest.raises(ArgumentError, match=r"mode='diagonal'\): expected \"rows\" or \"columns\""):
        regularizers.OrthogonalRegularizer(mode="diagonal")


def test_orthogonal_regularizer_refuses_vectors():
    with pytest.raises(ShapeError, match=r"takes a matrix, got a weight of shape \(3,\)"):
        regularizers.OrthogonalRegularizer()(torch.ones(3))


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("MaxNorm", {"max_value": -1}, r"MaxNorm\(max_value=-1\): expected a number from 0"),
        ("MinMaxNorm", {"min_value": 2, "max_value": 1}, r"min_value=2, max_value=1\): expected 0 <= min_value <= max"),
        ("MinMaxNorm", {"rate": 2}, r"MinMaxNorm\(rate=2\): expected a number from 0 to 1"),
    ],
)
def test_bounds_out_of_range_are_told(name, arguments, words):
    with pytest.raises(ArgumentError, match=words):
        getattr(constraints, name)(**arguments)
