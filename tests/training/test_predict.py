import copy

import numpy as np
import pytest
import torch
from torch import nn

import corekit as ck
from corekit.training.predict import rows_at_once


def row(units, **how):
    return ck.Sequential([ck.Input((4,)), ck.layer(nn.Linear(4, units)), ck.layer(nn.Tanh())], **how)


class Counting(ck.Layer):
    """Notes how many rows it is called with."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def call(self, inputs):
        if inputs.device.type != "meta":
            self.rows.append(inputs.shape[0])
        return inputs


@pytest.fixture
def counted():
    counting = Counting()
    return ck.Sequential([ck.Input((4,)), counting]), counting.rows


@pytest.mark.parametrize(("units", "rows"), [(1, 1024), (1000, 512), (4000, 128), (10**6, 32)])
def test_wider_layers_get_smaller_batches(units, rows):
    with torch.device("meta"):
        assert rows_at_once(row(units)) == rows


def test_copy_gets_the_same_batches():
    with torch.device("meta"):
        assert rows_at_once(copy.deepcopy(row(4000))) == 128


def test_layers_of_an_inner_model_count():
    with torch.device("meta"):
        assert rows_at_once(ck.Sequential([ck.Input((4,)), row(4000), ck.layer(nn.Linear(4000, 1))])) == 64


def test_rows_of_a_subclassed_model_are_kerass():
    class Own(ck.Model):
        def call(self, inputs):
            return inputs

    assert rows_at_once(Own()) == 32


def test_step_of_ones_own_sees_kerass_batches():
    class Own(ck.Sequential):
        def predict_step(self, data):
            return super().predict_step(data)

    assert rows_at_once(Own([ck.Input((4,)), Counting()])) == 32


def test_array_goes_through_a_small_model_in_large_batches(counted):
    model, rows = counted
    x = np.random.default_rng(0).normal(size=(2500, 4)).astype("float32")

    outputs = model.predict(x, verbose=0)

    assert rows == [1024, 1024, 452]
    np.testing.assert_array_equal(outputs, x)


@pytest.mark.parametrize("how", [{"batch_size": 32}, {"callbacks": []}, {"steps": 4}], ids=str)
def test_what_counts_batches_gets_kerass(counted, how):
    model, rows = counted

    model.predict(np.zeros((128, 4), "float32"), verbose=0, **how)

    assert rows == [32] * 4


def test_outputs_do_not_depend_on_the_batches():
    model = row(8)
    x = np.random.default_rng(0).normal(size=(700, 4)).astype("float32")

    np.testing.assert_allclose(model.predict(x, verbose=0), model.predict(x, batch_size=32, verbose=0), rtol=1e-6)
