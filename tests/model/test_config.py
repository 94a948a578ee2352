"""Arguments as data, and back; what a file cannot hold. Whole models: test_config_models.py."""

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

import corekit as ck
from corekit.errors import SaveError
from corekit.model.config import LARGEST_ARRAY, describe
from corekit.model.construction import construct
from corekit.model.ids import named_ids
from corekit.protocols.creation import create
from corekit.protocols.op import Op
from corekit.registry import registry
from corekit.saving.format import canonical


@pytest.fixture(autouse=True)
def known(parts):
    """The small layers, registered."""
    for part in vars(parts).values():
        ck.register(part)


class Keeps(ck.Layer):
    """Keeps whatever it is given."""

    def __init__(self, value, **kwargs):
        super().__init__(**kwargs)
        self.value = value

    def call(self, inputs):
        return inputs


class Filled(ck.Initializer):
    def __init__(self, value=7.0):
        self.value = value

    def __call__(self, shape, dtype=None):
        return torch.full(tuple(shape), self.value, dtype=dtype)


def cube(x):
    return x**3


def through_json(record):
    """Return the record as a file would give it back."""
    return json.loads(canonical(record))


def back_and_forth(value):
    """Return a constructor argument after its way through a description."""
    ck.register(Keeps)
    return construct(through_json(describe(Keeps(value)))).value


# Values


@pytest.mark.parametrize("value", [
    None, True, False, 0, -3, 2**62, "", "word", "ünï", 0.1, 1e-300, math.inf, -math.inf, [], [1, [2, "a"]], (),
    (1, (None, 2.5)), {}, {"a": [1], "b": {"c": (1,)}}, {"type": "x", "id": "y", "op": "z"}, torch.float16,
    torch.Size([2, 3]), slice(1, None, 2), Ellipsis,
])  # fmt: skip
def test_value_comes_back(value):
    again = back_and_forth(value)

    assert again == value
    assert type(again) is (tuple if isinstance(value, tuple) else type(value))


def test_nan_comes_back():
    assert math.isnan(back_and_forth(math.nan))


@pytest.mark.parametrize(
    ("value", "plain"), [(np.float32(0.5), 0.5), (np.float64(0.1), 0.1), (np.int64(3), 3), (np.bool_(True), True)]
)
def test_numpy_number_becomes_a_plain_one(value, plain):
    again = back_and_forth(value)

    assert again == plain
    assert type(again) is type(plain)


@pytest.mark.parametrize("value", [
    np.arange(6.0).reshape(2, 3), np.zeros((0, 2), "int8"), np.array([True, False]), np.array(2.5, "float32"),
    np.array([math.inf, -math.inf]), np.arange(3, dtype="uint16"),
])  # fmt: skip
def test_array_comes_back(value):
    again = back_and_forth(value)

    assert (again.dtype, again.shape) == (value.dtype, value.shape)
    assert np.array_equal(again, value)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16", "int64", "bool"])
def test_tensor_comes_back(dtype):
    value = torch.tensor([[0.0, 1.0], [3.0, 1.0]]).to(getattr(torch, dtype))

    again = back_and_forth(value)

    assert again.dtype == value.dtype
    assert torch.equal(again, value)


def test_tensor_with_infinity_comes_back():
    assert back_and_forth(torch.tensor([1.0, -math.inf])).tolist() == [1.0, -math.inf]


def test_registered_function_comes_back():
    ck.register(cube)

    assert back_and_forth(cube) is cube


def test_registered_class_comes_back():
    ck.register(Filled)

    assert back_and_forth(Filled) is Filled


def test_registered_object_comes_back():
    ck.register(Filled)

    assert back_and_forth([Filled(3.0)])[0].value == 3.0


def test_layer_as_an_argument_comes_back(parts):
    again = back_and_forth(parts.Affine(3, name="inner"))

    assert (type(again), again.units, again.name) == (parts.Affine, 3, "inner")


# Values that a file cannot hold


def test_large_array_belongs_into_a_weight():
    ck.register(Keeps)

    with pytest.raises(SaveError, match=r'"keeps" holds an array of 10,001 float64 values') as raised:
        describe(Keeps(np.zeros(LARGEST_ARRAY + 1)))

    assert "self.add_weight(..., trainable=False)" in str(raised.value)


def test_array_of_words_is_refused():
    ck.register(Keeps)

    with pytest.raises(SaveError, match="a file takes numbers"):
        describe(Keeps(np.array(["a"])))


@pytest.mark.parametrize("value", [cube, lambda x: x, Filled(), object(), {1: 2}, {"$a": 1}, {1, 2}, 1j, torch.relu])
def test_unknown_value_shows_what_to_write(value):
    ck.register(Keeps)

    with pytest.raises(SaveError, match=r'"mine" holds .* which a model file cannot describe') as raised:
        describe(Keeps(value, name="mine"))

    assert "@corekit.register" in str(raised.value)


def test_unregistered_layer_shows_the_line():
    with pytest.raises(SaveError, match='"keeps" is of class Keeps, which is not registered') as raised:
        describe(Keeps(1))

    assert "Write  @corekit.register  above  class Keeps," in str(raised.value)


def test_function_layer_shows_the_class_to_write():
    with pytest.raises(SaveError, match='"tanh" is a function in a layer; a model file holds no code') as raised:
        describe(ck.Sequential([ck.Input(shape=(4,)), torch.tanh]))

    assert "@corekit.register  class MyLayer(corekit.Layer)" in str(raised.value)


def test_torch_layer_shows_the_class_to_write():
    with pytest.raises(SaveError, match=r'"linear" is a torch module \(Linear\) made outside corekit') as raised:
        describe(ck.Sequential([ck.Input(shape=(4,)), nn.Linear(4, 2)]))

    assert "@corekit.register  class MyLinear(corekit.Layer)" in str(raised.value)


def test_unregistered_op_is_told():
    x = ck.Input(shape=(4,))
    model = ck.Model(x, Op(cube, "cube")(x))

    with pytest.raises(SaveError, match=r'"model" .*cube'):
        describe(model)


# What a description names


def test_named_ids_are_those_of_parts_and_values(parts):
    ck.register(cube, kind="ops")
    ck.register(Keeps)
    ck.register(Filled)
    x = ck.Input(shape=(4,))
    inner = ck.Sequential([parts.Affine(4)])
    model = ck.Model(x, ck.ops.cube(Keeps([Filled(), Keeps(Filled)])(inner(x))))

    assert set(named_ids(describe(model))) == {
        ("layers", "local:Affine"), ("layers", "local:Keeps"), ("initializers", "local:Filled"), ("ops", "local:cube"),
    }  # fmt: skip


class Acts(Keeps):
    """Finds an activation by the name that it is given."""

    def __init__(self, value, **kwargs):
        super().__init__(create("activations", value), **kwargs)


def test_names_among_arguments_are_written_with_their_ids():
    ck.register(cube)
    ck.register(Acts)

    record = describe(Acts("cube", name="cube"))

    assert record["config"]["value"] == "cube"
    assert record["names"] == {"activations": {"cube": "local:cube"}}
    assert set(named_ids(record)) == {("layers", "local:Acts"), ("activations", "local:cube")}


def test_texts_that_name_nothing_have_no_names():
    ck.register(cube)
    ck.register(Acts)
    create("activations", "cube")

    assert "names" not in describe(Acts(ck.activations.relu, name="cube"))


def test_argument_that_says_its_kind_means_no_other():
    registry.get("layers", "identity")
    registry.get("initializers", "identity")

    record = describe(ck.layers.Dense(3, kernel_initializer="identity"))

    assert record["names"]["initializers"]["identity"] == "corekit-layers-basic:Identity"
    assert "layers" not in record["names"]


def test_ids_of_parts_are_no_names():
    registry.get("activations", "corekit-layers-basic:relu")
    ck.register(Keeps)

    assert "names" not in describe(Keeps(ck.activations.relu))


def test_names_of_a_layer_among_arguments_are_its_own():
    for part in (cube, Acts, Keeps):
        ck.register(part)

    record = describe(Keeps({"inner": [Acts("cube")]}))

    assert "names" not in record
    assert record["config"]["value"]["inner"][0]["$layer"]["names"] == {"activations": {"cube": "local:cube"}}


def test_name_with_two_meanings_is_refused():
    ck.register(cube)
    ck.register(Acts)
    layer = Acts("cube")
    registry.meanings["activations", "cube"].add("other:cube")

    with pytest.raises(SaveError, match=r"meant several parts .*: local:cube, other:cube\.\n  Give the layer the obj"):
        describe(layer)


class Annotated(Keeps):
    def __init__(self, value: int, **kwargs):
        super().__init__(value, **kwargs)


def test_own_class_may_be_annotated_anyhow():
    ck.register(Annotated)

    assert construct(through_json(describe(Annotated("three")))).value == "three"


def test_argument_that_a_reader_would_refuse_is_refused_at_save():
    layer = ck.layers.Dense(3)
    layer._arguments = ((), {"units": "3"})

    with pytest.raises(SaveError, match=r'"dense" could not be read back: Dense\(units=\'3\'\): expected int\.'):
        describe(layer)
