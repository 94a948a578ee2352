"""Small helpers that Keras users expect under `corekit.utils`."""

import random

import numpy as np
import pytest
import torch

import corekit as ck


def draws():
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_seed_repeats_every_generator():
    ck.utils.set_random_seed(3)
    first = draws()

    ck.utils.set_random_seed(3)

    assert draws() == first


def test_other_seed_draws_otherwise():
    ck.utils.set_random_seed(3)
    first = draws()

    ck.utils.set_random_seed(4)

    assert all(a != b for a, b in zip(draws(), first, strict=True))


@pytest.mark.parametrize(
    "labels",
    [[2, 0], (2, 0), np.array([2.0, 0.0]), np.array([[2], [0]], dtype="uint8"), torch.tensor([2, 0])],
    ids=["list", "tuple", "floats", "column", "tensor"],
)
def test_labels_become_one_hot_rows(labels):
    assert ck.utils.to_categorical(labels).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_rows_are_as_wide_as_asked():
    assert ck.utils.to_categorical([0], num_classes=np.int64(4)).tolist() == [[1, 0, 0, 0]]


def test_axes_before_the_last_stay():
    assert ck.utils.to_categorical(np.zeros((2, 3), dtype=int), 5).shape == (2, 3, 5)


def test_no_labels_make_no_rows():
    assert ck.utils.to_categorical([], 3).shape == (0, 3)
