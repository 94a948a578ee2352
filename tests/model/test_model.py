"""Models: subclassing, building, structure, placing. Drawn ones: test_graph_run.py."""

import copy

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError, LayerError, StateError


@pytest.fixture
def net(parts):
    """A subclassed model of two layers."""

    class Net(ck.Model):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.hidden, self.head = parts.Affine(units), parts.Affine(2)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

    return Net


def drawn(parts):
    x = ck.Input(shape=(4,))
    return ck.Model(x, parts.Affine(2, name="head")(parts.Affine(3)(x)))


# Subclassing


def test_subclass_is_built_by_its_first_call(net):
    model = net()

    result = model(torch.ones(5, 4))

    assert (result.shape, model.built, model.count_params()) == ((5, 2), True, 4 * 3 + 3 + 3 * 2 + 2)


def test_subclass_is_built_for_a_shape(net):
    model = net()

    model.build((None, 4))

    assert (model.built, model.hidden.kernel.shape) == (True, (4, 3))


def test_failed_build_may_be_repeated(net):
    model = net()
    model.head.build((None, 5))
    with pytest.raises(LayerError):
        model.build((None, 4))

    assert model.built is False


def test_own_build_is_used(parts):
    class Net(ck.Model):
        def build(self, input_shape):
            self.head = parts.Affine(2)
            self.head.build(input_shape)

        def call(self, inputs):
            return self.head(inputs)

    model = Net()
    model.build((None, 4))

    assert (model.built, model(torch.ones(1, 4)).shape) == (True, (1, 2))


def test_own_build_may_end_in_the_inherited_one(net):
    class Noted(net):
        builds = 0

        def build(self, input_shape):
            self.builds += 1
            super().build(input_shape)

    model = Noted()
    model(torch.ones(5, 4))

    assert (model.builds, model.count_params()) == (1, 23)


def test_model_of_several_inputs_is_built_for_shapes():
    class Net(ck.Model):
        def call(self, inputs):
            return inputs["a"] * inputs["b"]

    model = Net()
    model.build({"a": (None, 4), "b": (None, 4)})

    assert model({"a": torch.ones(1, 4), "b": torch.ones(1, 4)}).shape == (1, 4)


def test_model_of_a_list_is_built_for_shapes(parts):
    model = ck.Sequential([parts.Affine(2)])
    joined = parts.Merge()

    class Net(ck.Model):
        def __init__(self):
            super().__init__()
            self.body = model

        def call(self, inputs):
            return self.body(joined(inputs))

    made = Net()
    made.build([(None, 4), (None, 4)])

    assert made.count_params() == 4 * 2 + 2


def test_outputs_may_be_a_dict(net):
    class Named(net):
        def call(self, inputs):
            return {"logits": super().call(inputs), "inputs": inputs}

    outputs = Named()(torch.ones(5, 4))

    assert {name: value.shape for name, value in outputs.items()} == {"logits": (5, 2), "inputs": (5, 4)}


def test_missing_call_shows_what_to_write():
    class Net(ck.Model):
        pass

    with pytest.raises(LayerError, match="Net has no call, and was not drawn") as raised:
        Net()(torch.ones(1))

    assert "def call(self, inputs)" in str(raised.value)
    assert "Model(inputs, outputs)" in str(raised.value)


def test_subclass_may_be_drawn_in_its_constructor(parts):
    class Net(ck.Model):
        def __init__(self, units):
            x = ck.Input(shape=(4,))
            super().__init__(x, parts.Affine(units)(x))

    assert Net(3)(torch.ones(1, 4)).shape == (1, 3)


def test_subclass_may_be_drawn_by_its_user(parts):
    class Net(ck.Model):
        pass

    x = ck.Input(shape=(4,))

    assert Net(x, parts.Affine(3)(x)).name == "net"


def test_unknown_argument_is_told():
    with pytest.raises(TypeError, match="Did you mean name="):
        ck.Model(nam="mine")


# Structure


def test_layers_come_in_the_order_of_use(parts):
    assert [layer.name for layer in drawn(parts).layers] == ["affine", "head"]


def test_layer_is_found_by_name_or_index(parts):
    model = drawn(parts)

    assert model.get_layer("head") is model.get_layer(index=1) is model.get_layer(index=-1)


@pytest.mark.parametrize("given", [{"name": "tail"}, {"index": 2}, {"index": -3}, {}])
def test_missing_layer_is_told(parts, given):
    with pytest.raises(ArgumentError, match=r'"model" has (no layer|2 layers)'):
        drawn(parts).get_layer(**given)


def test_missing_layer_lists_the_layers(parts):
    with pytest.raises(ArgumentError, match="Its layers: affine, head"):
        drawn(parts).get_layer("tail")


def test_subclass_has_no_symbolic_inputs(net):
    with pytest.raises(StateError, match='"net" is not drawn from symbolic tensors'):
        _ = net().inputs


def test_outputs_are_named_after_their_layers(parts):
    x = ck.Input(shape=(4,))
    left, right = parts.Affine(1, name="left")(x), parts.Affine(1, name="right")(x)

    assert ck.Model(x, [left, right, left + right, left - right, left]).output_names == [
        "left", "right", "add", "sub", "left_1",
    ]  # fmt: skip


def test_subclass_has_no_output_names(net):
    assert net().output_names == []


def test_frozen_model_freezes_its_layers(parts):
    model = drawn(parts)

    model.trainable = False

    assert (model.trainable_weights, [layer.trainable for layer in model.layers]) == ([], [False, False])


# Place


def test_model_is_where_its_weights_are(parts):
    assert drawn(parts).to("meta").device.type == "meta"


def test_model_without_weights_is_on_the_default_device():
    assert ck.Model().device == torch.get_default_device()


def test_moved_model_is_placed(parts):
    model = drawn(parts)
    before = model.placed

    model.cpu()

    assert (before, model.placed) == (False, True)


def test_model_may_be_cast(parts):
    model = drawn(parts).double()

    assert model(torch.ones(1, 4, dtype=torch.float64)).dtype == torch.float64


# Training's face


def test_model_that_is_not_compiled_says_so(parts):
    with pytest.raises(StateError, match=r'"model" is not compiled.\n  Call  model.compile\(optimizer='):
        drawn(parts).fit(np.ones((1, 4)), np.ones((1, 2)))


def test_model_that_is_not_compiled_predicts(parts):
    model = drawn(parts)

    result = model.predict(np.ones((3, 4)), verbose=0)

    assert np.array_equal(result, model(torch.ones(3, 4)).detach().numpy())


def test_model_that_is_not_compiled_has_no_optimizer(parts):
    model = drawn(parts)

    assert (model.optimizer, model.loss, model.metrics) == (None, None, [])


# As data


def test_subclass_describes_its_arguments(net):
    assert net(5, name="mine").get_config() == {"units": 5, "name": "mine"}


def test_subclass_comes_back_from_its_config(net):
    model = net.from_config(net(5).get_config())

    assert model.hidden.units == 5


def test_drawn_model_comes_back_from_its_config(parts):
    ck.register(parts.Affine)
    model = drawn(parts)

    twin = ck.Model.from_config(model.get_config())

    twin.set_weights(model.get_weights())
    assert torch.equal(twin(torch.ones(1, 4)), model(torch.ones(1, 4)))


def test_copied_subclass_computes_the_same(net):
    model = net()
    model(torch.ones(1, 4))

    assert torch.equal(copy.deepcopy(model)(torch.ones(1, 4)), model(torch.ones(1, 4)))
