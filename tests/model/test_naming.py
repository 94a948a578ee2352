"""Names of layers within a model."""

import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError
from corekit.model.naming import free_name


def test_free_name_is_the_base_where_it_may_be():
    assert free_name("dense", ["conv"]) == "dense"


def test_free_name_counts_on():
    assert free_name("dense", ["dense", "dense_1", "dense_3"]) == "dense_2"


def test_layers_of_one_class_get_names_of_their_own(parts):
    model = ck.Sequential([parts.Affine(2), parts.Affine(2), parts.Affine(2)])

    assert [layer.name for layer in model.layers] == ["affine", "affine_1", "affine_2"]


def test_modules_and_functions_get_names_of_their_own():
    model = ck.Sequential([torch.nn.ReLU(), torch.nn.ReLU(), torch.tanh, torch.tanh])

    assert [layer.name for layer in model.layers] == ["re_lu", "re_lu_1", "tanh", "tanh_1"]


def test_given_name_twice_is_told(parts):
    with pytest.raises(ArgumentError, match='"digits" has two layers called "a"') as raised:
        ck.Sequential([parts.Affine(2, name="a"), parts.Affine(2, name="a")], name="digits")

    assert 'Affine(..., name="a_1")' in str(raised.value)


@pytest.mark.parametrize("name", ["a.b", "forward", "layers", "training", "graph"])
def test_name_that_a_model_needs_is_refused(parts, name):
    with pytest.raises(ArgumentError, match=f'cannot have a layer called "{name}"'):
        ck.Sequential([parts.Affine(2, name=name)])


def test_class_named_like_an_attribute_gets_another_name():
    class Summary(ck.Layer):
        def call(self, inputs):
            return inputs

    assert ck.Sequential([Summary()]).layers[0].name == "summary_1"


def test_layer_of_two_models_keeps_its_name(parts):
    layer = parts.Affine(2)
    ck.Sequential([layer])

    ck.Sequential([parts.Affine(2), layer])

    assert layer.name == "affine"


def test_model_may_call_a_layer_otherwise(parts):
    first, second = parts.Affine(2), parts.Affine(2)
    ck.Sequential([first])
    ck.Sequential([second])

    model = ck.Sequential([first, second])

    assert [model.name_of(layer) for layer in (first, second)] == ["affine", "affine_1"]
    assert model.get_layer("affine_1") is second


def test_adopted_layer_takes_the_models_mode(parts):
    layer = parts.Drop().train()

    ck.Sequential([layer])

    assert layer.training is False
