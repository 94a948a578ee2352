"""What a file holds is compared with what its description implies before memory is taken, and fills it in place."""

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.errors import LoadError
from tests.saving.test_format import rewrite


class Wide(ck.Layer):
    """A weight as wide as it is told, a table that it computes, and a list that holds both."""

    def __init__(self, units, table=4):
        super().__init__()
        self.units, self.table = units, table

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.positions = torch.arange(float(self.table))
        self.both = [self.kernel, self.positions]

    def call(self, inputs):
        return inputs @ self.both[0] + self.both[1].sum()

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)


class Whole(ck.Layer):
    """Looks at a value while it builds, and at its input when it is called."""

    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        spread = float(torch.ones(3).sum())  # no such thing on the meta device
        self.kernel = self.add_weight(
            shape=(self.units,), name="kernel", initializer=lambda s, dtype: torch.full(s, spread)
        )

    def call(self, inputs):
        return inputs * torch.as_tensor(np.float32(1.0)) * self.kernel.sum()


class Twice(ck.Layer):
    """Has one weight under two names."""

    def build(self, input_shape):
        self.first = self.add_weight(shape=(input_shape[-1],), name="first")
        self.second = self.first

    def call(self, inputs):
        return inputs * self.first + self.second


def saved(layer, path):
    model = ck.Sequential([ck.Input((3,)), layer])
    model.save(path)
    return model


def wider(units, **more):
    def change(entries, inner):
        inner["architecture"]["layers"][0][1]["config"].update(units=units, **more)

    return change


@pytest.mark.parametrize("cls", [Wide, Whole], ids=["drawn without values", "that looks at values"])
def test_description_of_more_than_the_file_has_takes_no_memory(path, cls, monkeypatch):
    saved(ck.register(cls)(2), path)
    rewrite(path, wider(10**12))  # some terabytes
    monkeypatch.setattr(torch.Tensor, "uniform_", None)  # nothing is drawn either

    with pytest.raises(LoadError) as caught:
        ck.load_model(path)

    assert caught.value.code == "weights-differ"


def test_tables_that_a_layer_would_compute_are_bounded(path):
    saved(ck.register(Wide)(2), path)
    rewrite(path, wider(2, table=10**12))

    with pytest.raises(LoadError, match="at most 67,108,864") as caught:
        ck.load_model(path)

    assert caught.value.code == "too-large"


def test_tables_that_a_layer_computes_come_back(path):
    model = saved(ck.register(Wide)(2), path)
    x = torch.randn(2, 3)

    loaded = ck.load_model(path)

    assert loaded.layers[0].positions.tolist() == [0, 1, 2, 3]
    assert torch.equal(loaded(x), model(x))


def test_layer_that_looks_at_values_comes_back(path):
    model = saved(ck.register(Whole)(2), path)
    with torch.no_grad():
        model.layers[0].kernel.mul_(3)
    model.save(path)
    x = torch.randn(2, 3)

    assert torch.equal(ck.load_model(path)(x), model(x))


def test_weight_of_two_names_is_still_one(path):
    saved(ck.register(Twice)(), path)

    layer = ck.load_model(path).layers[0]

    assert layer.first is layer.second
    assert isinstance(layer.first, torch.nn.Parameter)


def test_whoever_holds_a_weight_holds_the_one_of_the_file(path):
    model = saved(ck.register(Wide)(2, table=0), path)

    layer = ck.load_model(path).layers[0]

    assert layer.both[0] is layer.kernel
    assert torch.equal(layer.kernel, model.layers[0].kernel)


def test_loading_draws_no_random_numbers(path):
    saved(ck.register(Twice)(), path)
    torch.manual_seed(0)
    expected = torch.rand(3)

    torch.manual_seed(0)
    ck.load_model(path)

    assert torch.equal(torch.rand(3), expected)


def test_loaded_model_trains(path):
    saved(ck.register(Wide)(2, table=0), path)
    loaded = ck.load_model(path)
    before = loaded.get_weights()[0]

    loaded.compile(torch.optim.SGD, torch.nn.MSELoss(), jit_compile=False)
    loaded.fit(torch.ones(4, 3), torch.ones(4, 2), verbose=0)

    assert not np.array_equal(loaded.get_weights()[0], before)


class Turned(ck.Layer):
    """Has its weight lie in memory by columns."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(3, 4), name="kernel", initializer=lambda s, dtype: torch.ones(4, 3).T)

    def call(self, inputs):
        return inputs @ self.kernel


def test_weight_lies_in_memory_as_its_layer_wants(path):
    model = saved(ck.register(Turned)(), path)

    kernel = ck.load_model(path).layers[0].kernel

    assert kernel.stride() == model.layers[0].kernel.stride() == (1, 3)
