"""Anything as a layer."""

import copy
import pickle

import pytest
import torch
from torch import nn

import corekit as ck
from corekit.errors import ArgumentTypeError, LayerError, UnknownNameError


class Doubling(nn.Module):
    """A plugin's module class, with an argument that Layer has as well."""

    def __init__(self, size, dtype=None):
        super().__init__()
        self.size, self.dtype = size, dtype
        self.gain = nn.Parameter(torch.full((size,), 2.0))

    def forward(self, inputs):
        return inputs * self.gain


def test_layer_is_returned_itself(parts):
    layer = parts.Affine(2)

    assert ck.layer(layer) is layer


def test_layer_takes_no_more_arguments(parts):
    with pytest.raises(ArgumentTypeError, match="affine is a layer already; give name where it is made"):
        ck.layer(parts.Affine(2), name="mine")


def test_layer_without_super_init_is_told():
    class Forgetful(ck.Layer):
        def __init__(self):
            self.size = 1

    with pytest.raises(LayerError, match=r"Forgetful.__init__ does not call super"):
        ck.layer(Forgetful())


def test_module_becomes_a_layer():
    module = nn.Linear(3, 2)

    layer = ck.layer(module, name="head")

    assert torch.equal(layer(torch.ones(1, 3)), module(torch.ones(1, 3)))
    assert (layer.name, len(layer.trainable_weights)) == ("head", 2)


def test_frozen_module_is_frozen():
    layer = ck.layer(nn.Linear(3, 2), trainable=False)

    assert layer.trainable_weights == []


def test_module_follows_the_training_flag():
    layer = ck.layer(nn.Dropout(0.5))

    assert torch.equal(layer(torch.ones(100)), torch.ones(100))
    assert layer(torch.ones(100), training=True).max().item() == 2.0


def test_lazy_module_may_be_frozen():
    layer = ck.layer(nn.LazyLinear(2), trainable=False)

    layer(torch.ones(4, 3))

    assert [weight.requires_grad for weight in layer.weights] == [False, False]


def test_lazy_module_is_initialised_by_the_first_input():
    layer = ck.layer(nn.LazyLinear(2))

    layer(torch.ones(5, 3))

    assert layer.module.weight.shape == (2, 3)


def test_module_class_is_constructed():
    assert ck.layer(nn.Linear, in_features=3, out_features=2)(torch.ones(1, 3)).shape == (1, 2)


def test_layer_class_is_constructed(parts):
    assert ck.layer(parts.Affine, units=2, name="mine").name == "mine"


def test_name_is_looked_up(parts):
    ck.register(parts.Affine)

    assert ck.layer("affine", units=2).units == 2


def test_id_is_looked_up(parts):
    ck.register(parts.Affine)

    assert isinstance(ck.layer("local:Affine", units=2), parts.Affine)


@pytest.mark.parametrize("key", ["id", "class_name"])
def test_config_is_looked_up(parts, key):
    ck.register(parts.Affine)

    layer = ck.layer({key: "Affine", "config": {"units": 2}}, name="mine")

    assert (layer.units, layer.name) == (2, "mine")


def test_config_goes_through_from_config():
    @ck.register
    class Old(ck.Layer):
        def __init__(self, size):
            super().__init__()
            self.size = size

        @classmethod
        def from_config(cls, config):
            return cls(config["units"])

    assert ck.layer({"id": "Old", "config": {"units": 4}}).size == 4


def test_function_becomes_a_layer():
    layer = ck.layer(torch.tanh)

    assert torch.equal(layer(torch.ones(2)), torch.tanh(torch.ones(2)))
    assert (layer.name, layer.weights) == ("tanh", [])


def test_lambda_is_called_function():
    assert ck.layer(lambda x: x).name == "function"


def test_registered_function_becomes_a_layer():
    def doubled(x):
        return 2 * x

    ck.register(doubled, kind="layers")

    assert ck.layer("doubled")(torch.ones(1)).item() == 2.0
    assert ck.layers.doubled()(torch.ones(1)).item() == 2.0


@pytest.mark.parametrize("spec", [3, None, [1], {"units": 3}, object()])
def test_other_things_are_refused(spec):
    with pytest.raises(ArgumentTypeError, match="cannot act as a layer") as raised:
        ck.layer(spec)

    assert "a torch module, or a function of tensors" in str(raised.value)


def test_class_of_something_else_is_refused():
    with pytest.raises(ArgumentTypeError, match="dict is neither a class of layers nor one of torch modules"):
        ck.layer(dict)


def test_unknown_name_raises():
    with pytest.raises(UnknownNameError, match='no layer called "nonesuch"'):
        ck.layer("nonesuch")


# Classes of torch modules among the components


def test_module_class_takes_layer_arguments():
    ck.register(Doubling, kind="layers")

    layer = ck.layers.Doubling(3, name="mine", trainable=False)

    assert (layer.name, layer.trainable_weights) == ("mine", [])


def test_modules_own_argument_wins():
    ck.register(Doubling, kind="layers")

    assert ck.layers.Doubling(3, dtype="its own").module.dtype == "its own"


def test_module_class_is_documented_as_itself():
    ck.register(Doubling, kind="layers")

    wrapped = ck.layers.Doubling

    assert (wrapped.__name__, wrapped.__doc__) == ("Doubling", Doubling.__doc__)


def test_module_class_is_wrapped_once():
    ck.register(Doubling, kind="layers")

    assert ck.layers.Doubling is ck.layers.Doubling


def test_module_class_describes_its_arguments():
    ck.register(Doubling, kind="layers")
    layer = ck.layers.Doubling(3)

    twin = type(layer).from_config(layer.get_config())

    assert twin.module.size == 3


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_wrapped_module_is_copied(copied):
    ck.register(Doubling, kind="layers")
    layer = ck.layers.Doubling(3)

    twin = copied(layer)

    assert torch.equal(twin(torch.ones(3)), layer(torch.ones(3)))
    assert twin.module.gain is not layer.module.gain
