"""A layer's life: building, calling, training flag, description, copies. Its weights: test_layer_weights.py."""

import copy
import pickle

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError, ArgumentTypeError, LayerError, StateError


class Scale(ck.Layer):
    """Multiplies each feature by a weight of ones."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor, self.builds = factor, 0

    def build(self, input_shape):
        self.builds += 1
        self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer=torch.nn.init.ones_)

    def call(self, inputs):
        return inputs * self.scale * self.factor


class Pair(ck.Layer):
    """Two layers, one after the other."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = Scale(2.0), Scale(3.0)

    def call(self, inputs):
        return self.second(self.first(inputs))


class Mode(ck.Layer):
    """Gives 1 in training, 0 otherwise, and notes the flag of its torch module."""

    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Identity()

    def call(self, inputs, training=False):
        self.inner_flag = self.inner.training
        return inputs * 0 + float(training)


class Unmade(ck.Layer):
    """As articles print it: uses a weight that no build makes."""

    def __init__(self, units):
        super().__init__()
        self.units = units

    def call(self, inputs):
        return torch.matmul(inputs, self.kernel)


class Forgetful(ck.Layer):
    def __init__(self):
        self.factor = 2.0

    def call(self, inputs):
        return inputs * self.factor


# Building


def test_layer_has_no_weights_before_its_first_call():
    layer = Scale()

    assert (layer.built, layer.weights) == (False, [])


def test_first_call_builds():
    layer = Scale(2.0)

    result = layer(torch.ones(2, 3))

    assert (layer.built, layer.scale.shape) == (True, (3,))
    assert result.tolist() == [[2.0] * 3] * 2


def test_second_call_builds_nothing():
    layer = Scale()

    layer(torch.ones(2, 3))
    layer.build((None, 3))
    layer(torch.ones(5, 3))

    assert layer.builds == 1


def test_build_may_be_called_by_hand():
    layer = Scale()

    layer.build((None, 4))

    assert (layer.built, layer.scale.shape) == (True, (4,))


def test_inherited_build_is_called_once():
    class Child(Scale):
        def build(self, input_shape):
            super().build(input_shape)
            self.offset = self.add_weight(name="offset", shape=(), initializer=torch.nn.init.zeros_)

    layer = Child()
    layer(torch.ones(2, 3))

    assert (layer.builds, list(layer.named_weights())) == (1, ["scale", "offset"])


def test_inner_layers_build_themselves():
    layer = Pair()

    result = layer(torch.ones(2, 3))

    assert result.tolist() == [[6.0] * 3] * 2
    assert list(layer.named_weights()) == ["first.scale", "second.scale"]


def test_weights_are_made_where_the_input_is():
    layer = Scale()

    with torch.device("meta"):
        layer(torch.ones(2, 3, device="cpu"))

    assert layer.scale.device.type == "cpu"


def test_build_by_hand_uses_the_default_device():
    layer = Scale()

    with torch.device("meta"):
        layer.build((None, 3))

    assert layer.scale.is_meta


def test_meta_input_makes_real_weights():
    layer = Pair()

    result = layer(torch.empty(2, 3, device="meta"))

    assert (result.is_meta, result.shape) == (True, (2, 3))
    assert [weight.is_meta for weight in layer.weights] == [False, False]


def test_missing_build_teaches_to_write_it():
    with pytest.raises(LayerError, match=r"Unmade.call uses self.kernel.*has no build method") as raised:
        Unmade(3)(torch.ones(2, 4))

    text = str(raised.value)
    assert "def build(self, input_shape):" in text
    assert 'self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")' in text


def test_missing_build_teaches_again():
    layer = Unmade(3)
    with pytest.raises(LayerError):
        layer(torch.ones(2, 4))

    with pytest.raises(LayerError, match="has no build method"):
        layer(torch.ones(2, 4))


def test_missing_build_teaches_while_drawing():
    with pytest.raises(LayerError, match=r"Unmade.call uses self.kernel.*has no build method"):
        Unmade(3)(ck.Input(shape=(4,)))


def test_other_missing_attribute_is_not_explained_away():
    class Typo(Scale):
        def call(self, inputs):
            return inputs * self.scael

    with pytest.raises(AttributeError, match="scael"):
        Typo()(torch.ones(2, 3))


@pytest.mark.parametrize("use", [
    lambda layer: layer(torch.ones(2, 3)), lambda layer: layer(torch.ones(2, 3), training=True),
    lambda layer: layer(ck.Input(shape=(3,))), lambda layer: ck.Sequential([layer]),
])  # fmt: skip
def test_missing_super_init_is_told(use):
    with pytest.raises(LayerError, match=r"Forgetful.__init__ does not call super\(\).__init__\(\)") as raised:
        use(Forgetful())

    assert "Write  super().__init__()  as its first line" in str(raised.value)


def test_missing_call_shows_the_line():
    class Idle(ck.Layer):
        pass

    with pytest.raises(LayerError, match="Idle has no call") as raised:
        Idle()(torch.ones(1))

    assert "def call(self, inputs)" in str(raised.value)


# Calling


def test_numpy_input_becomes_floatx():
    result = Scale()(np.ones((2, 3)))

    assert (type(result), result.dtype) == (torch.Tensor, torch.float32)


def test_keyword_input_is_taken():
    assert Scale(2.0)(inputs=np.ones((1, 2))).tolist() == [[2.0, 2.0]]


def test_float64_layer_computes_in_float64():
    layer = Scale(dtype="float64")

    result = layer(torch.ones(2, 3, dtype=torch.float64))

    assert (layer.scale.dtype, result.dtype) == (torch.float64, torch.float64)


def test_forward_is_call():
    layer = Scale()
    layer.build((None, 3))

    assert torch.equal(layer.forward(torch.ones(2, 3)), layer(torch.ones(2, 3)))


def test_torch_hooks_see_the_call():
    layer, seen = Scale(), []
    layer.register_forward_hook(lambda module, args, output: seen.append(output.shape))

    layer(torch.ones(2, 3))
    layer(torch.ones(4, 3))

    assert seen == [(2, 3), (4, 3)]


# The training flag


def test_layer_starts_in_inference_mode():
    layer = Mode()

    assert (layer.training, layer(torch.ones(1)).item()) == (False, 0.0)


def test_train_makes_calls_train():
    assert Mode().train()(torch.ones(1)).item() == 1.0


def test_training_argument_reaches_modules_inside():
    layer = Mode()

    layer(torch.ones(1), training=True)

    assert layer.inner_flag is True


def test_training_argument_is_for_one_call():
    layer = Mode()
    layer.inner.train()

    layer(torch.ones(1), training=True)

    assert (layer.training, layer.inner.training) == (False, True)


def test_training_flag_comes_back_after_an_error():
    class Fails(ck.Layer):
        def call(self, inputs, training=False):
            raise RuntimeError("no")

    layer = Fails()
    with pytest.raises(RuntimeError, match="no"):
        layer(torch.ones(1), training=True)

    assert layer.training is False


def test_training_false_overrules_the_flag():
    assert Mode().train()(torch.ones(1), training=False).item() == 0.0


# Arguments, name, description


def test_unknown_argument_suggests_the_near_one():
    with pytest.raises(ArgumentTypeError, match=r"Scale\(trainabel=False\).*Did you mean trainable="):
        Scale(trainabel=False)


def test_name_defaults_to_the_class():
    class TwoWords(ck.Layer):
        pass

    assert (TwoWords().name, TwoWords(name="mine").name) == ("two_words", "mine")


def test_config_is_automatic():
    config = Scale(2.0, name="mine").get_config()

    assert config == {"factor": 2.0, "name": "mine"}
    assert Scale.from_config(config).factor == 2.0


def test_unknown_dtype_is_told():
    with pytest.raises(ArgumentError, match="float31"):
        Scale(dtype="float31")


def test_repr_tells_name_and_state():
    assert repr(Scale(name="mine")) == "Scale(name=mine, built=False)"


def test_layer_outside_a_drawn_model_has_no_output():
    layer = Scale()
    layer(torch.ones(2, 3))

    with pytest.raises(StateError, match='"scale" is not part of a drawn model'):
        _ = layer.output


def test_drawn_layer_knows_input_and_output():
    layer, inputs = Scale(), ck.Input(shape=(3,))

    outputs = layer(inputs)

    assert (layer.input is inputs, layer.output is outputs) == (True, True)


# Copies


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copy_computes_the_same(copied):
    layer = Pair()
    layer(torch.ones(2, 3))
    with torch.no_grad():
        layer.first.scale.uniform_()

    twin = copied(layer)

    assert torch.equal(twin(torch.ones(2, 3)), layer(torch.ones(2, 3)))
    assert twin.first.scale is not layer.first.scale


def test_copy_of_an_unbuilt_layer_builds_itself():
    twin = copy.deepcopy(Scale(2.0))

    assert twin(torch.ones(1, 2)).tolist() == [[2.0, 2.0]]


def test_drawn_layer_is_copied_without_its_graph():
    layer = Scale()
    layer(ck.Input(shape=(3,)))

    assert copy.deepcopy(layer).drawn_calls == []


def test_layer_with_losses_is_copied_without_them():
    layer = Scale(activity_regularizer=torch.sum)
    layer(torch.ones(2, 3))

    assert copy.deepcopy(layer).losses == []
