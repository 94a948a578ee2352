"""Models as data, and back: every value and every form of model makes the round trip."""

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

import corekit as ck
from corekit.errors import SaveError
from corekit.model.config import LARGEST_ARRAY, describe, named_ids
from corekit.model.construction import construct
from corekit.protocols.op import Op
from corekit.protocols.tree import leaves
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


def twin_of(model):
    """Return the model that a description of `model` makes, with the same weights."""
    twin = construct(through_json(describe(model)))
    assert list(twin.named_weights()) == list(model.named_weights())
    twin.set_weights(model.weights)
    return twin


X = torch.linspace(-1, 1, 8).reshape(2, 4)


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


# Models


def test_sequential_comes_back(parts):
    model = ck.Sequential([ck.Input(shape=(4,), name="pixels"), parts.Affine(3), parts.Drop()], name="digits")

    twin = twin_of(model)

    assert torch.equal(twin(X), model(X))
    assert (type(twin), twin.name, [layer.name for layer in twin.layers]) == (
        ck.Sequential, "digits", ["affine", "drop"],
    )  # fmt: skip
    assert (twin.input.name, twin.input.shape) == ("pixels", (None, 4))


def test_repeated_layer_comes_back(parts):
    layer = parts.Affine(4)
    model = ck.Sequential([ck.Input(shape=(4,)), layer, parts.Affine(4), layer])

    twin = twin_of(model)

    assert torch.equal(twin(X), model(X))
    assert twin.layers[0] is twin.layers[2]


def test_functional_comes_back_with_operators(parts):
    a, b = ck.Input(shape=(4,), name="a"), ck.Input(shape=(4,), name="b")
    shared = parts.Affine(4)
    h = torch.arange(4.0) * shared(a) - shared(b) ** 2 + torch.tensor([0.0, -math.inf, 1.0, 2.0]).exp()
    model = ck.Model({"a": a, "b": b}, [h[:, 1:3], {"max": h[..., None]}, 2 / abs(h)], name="siamese")

    twin = twin_of(model)

    given = {"a": X, "b": -X}
    assert all(torch.equal(*pair) for pair in zip(leaves(twin(given)), leaves(model(given)), strict=True))


def test_ops_come_back():
    ck.register(cube, kind="ops")
    x = ck.Input(shape=(4,))
    model = ck.Model(x, ck.ops.cube(x))

    assert torch.equal(twin_of(model)(X), X**3)


def test_nested_models_come_back(parts):
    inner = ck.Sequential([parts.Affine(3), parts.Affine(4)], name="inner")
    x = ck.Input(shape=(4,))
    model = ck.Model(x, inner(inner(x)) + parts.Affine(4)(x))

    assert torch.equal(twin_of(model)(X), model(X))


def test_layer_shared_across_levels_comes_back_once(parts):
    shared = parts.Affine(4)
    inner = ck.Sequential([ck.Input(shape=(4,)), shared])
    x = ck.Input(shape=(4,))
    model = ck.Model(x, inner(parts.Affine(4)(x)) + shared(x))

    twin = twin_of(model)

    assert torch.equal(twin(X), model(X))
    assert len(twin.weights) == 4


def test_layers_that_two_models_named_alike_come_back(parts):
    first, second = parts.Affine(4), parts.Affine(4)
    ck.Sequential([first])
    ck.Sequential([second])
    model = ck.Sequential([ck.Input(shape=(4,)), first, second])

    assert torch.equal(twin_of(model)(X), model(X))


def test_row_with_real_values_comes_back(parts):
    model = ck.Sequential([parts.Affine(3), parts.Eager()])
    model(X)

    assert torch.equal(twin_of(model)(X), model(X))


def test_registered_subclass_comes_back(parts):
    @ck.register
    class Net(ck.Model):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.body = ck.Sequential([parts.Affine(units), parts.Affine(2)])

        def call(self, inputs, scale=1.0):
            return self.body(inputs["x"]) * scale

    model = Net(3, name="mine")
    model({"x": X}, scale=2.0)

    assert torch.equal(twin_of(model)({"x": X}), model({"x": X}))


def test_subclass_with_its_own_build_comes_back(parts):
    @ck.register
    class Net(ck.Model):
        def build(self, input_shape):
            self.head = parts.Affine(2)
            self.head.build(input_shape)

        def call(self, inputs):
            return self.head(inputs)

    model = Net()
    model.build((None, 4))

    assert torch.equal(twin_of(model)(X), model(X))


def test_subclass_drawn_in_its_constructor_comes_back(parts):
    @ck.register
    class Net(ck.Model):
        def __init__(self, units):
            x = ck.Input(shape=(4,))
            super().__init__(x, parts.Affine(units)(x))

    model = Net(3)

    assert torch.equal(twin_of(model)(X), model(X))


def test_subclass_drawn_by_its_user_comes_back(parts):
    @ck.register
    class Net(ck.Model):
        def train_step(self, data):
            return {}

    x = ck.Input(shape=(4,))

    assert type(twin_of(Net(x, parts.Affine(3)(x)))) is Net


def test_layer_of_several_arguments_comes_back(parts):
    @ck.register
    class Attend(ck.Layer):
        def build(self, query_shape, value_shape):
            self.inner = parts.Affine(value_shape[-1])

        def call(self, query, value, mode="plain"):
            return self.inner(query) * value

    q, v = ck.Input(shape=(4,)), ck.Input(shape=(3,))
    model = ck.Model([q, v], Attend()(q, value=v, mode="odd"))
    given = [X, torch.ones(2, 3)]

    assert torch.equal(twin_of(model)(given), model(given))


def test_wrapped_module_class_comes_back():
    ck.register(nn.Linear, kind="layers")
    model = ck.Sequential([ck.Input(shape=(4,)), ck.layers.Linear(4, 2, bias=False, name="head")])

    twin = twin_of(model)

    assert torch.equal(twin(X), model(X))
    assert twin.layers[0].name == "head"


def test_frozen_layers_come_back_frozen(parts):
    @ck.register
    class Pair(ck.Layer):
        def __init__(self):
            super().__init__()
            self.one, self.two = parts.Affine(4), parts.Affine(4)

        def call(self, inputs):
            return self.two(self.one(inputs))

    pair, inner = Pair(), ck.Sequential([parts.Affine(4), parts.Affine(4)])
    model = ck.Sequential([ck.Input(shape=(4,)), pair, inner, parts.Affine(2)])
    pair.one.trainable = inner.trainable = False
    inner.layers[1].trainable = True

    twin = twin_of(model)

    assert [w.requires_grad for w in twin.weights] == [w.requires_grad for w in model.weights]
    assert [part.trainable for part in twin.modules()] == [part.trainable for part in model.modules()]


def test_default_names_stay_free_to_change(parts):
    model = ck.Sequential([ck.Input(shape=(4,)), parts.Affine(4)])

    both = ck.Sequential([*twin_of(model).layers, *twin_of(model).layers])

    assert torch.equal(both(X), model(model(X)))


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


@pytest.mark.parametrize("record", [None, 3, [], {"layers": 3}, {"layers": [3, [1]], "steps": [2, {"op": 1}]}])
def test_named_ids_pass_over_what_is_malformed(record):
    assert list(named_ids(record)) == []
