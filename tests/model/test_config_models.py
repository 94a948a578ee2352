"""Every form of model as data, and back."""

import json
import math

import pytest
import torch
from torch import nn

import corekit as ck
from corekit.model.config import describe
from corekit.model.construction import construct
from corekit.protocols.tree import leaves
from corekit.saving.format import canonical


@pytest.fixture(autouse=True)
def known(parts):
    """The small layers, registered."""
    for part in vars(parts).values():
        ck.register(part)


def cube(x):
    return x**3


def twin_of(model):
    """Return the model that a description of `model` makes, with the same weights."""
    twin = construct(json.loads(canonical(describe(model))))
    assert list(twin.named_weights()) == list(model.named_weights())
    twin.set_weights(model.weights)
    return twin


X = torch.linspace(-1, 1, 8).reshape(2, 4)


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
