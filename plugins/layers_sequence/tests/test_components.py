"""What holds for every layer of this distribution, beside the contract."""

import copy

import pytest
import torch

from corekit.registry import registry


def own_layers():
    return [c for c in registry.components("layers") if c.distribution == "corekit-layers-sequence"]


def test_every_layer_is_compared_with_keras(cases):
    assert set(cases) == {component.name for component in own_layers()}


@pytest.mark.parametrize("component", own_layers(), ids=lambda c: c.name)
def test_layer_explains_itself(component):
    text = component.load().__doc__

    assert component.load().__name__ == component.name
    assert all(word in text for word in ("Shape:", "Args:", "Example:", "Reference: https://keras.io/api/"))


def test_weights_keep_their_strides(first_case):
    layer, other = first_case.built(), first_case.make()
    first_case.run(other, first_case.inputs())
    strides = [weight.stride() for weight in layer.weights]

    copied = [weight.stride() for weight in copy.deepcopy(layer).weights]
    other.load_state_dict(layer.state_dict())
    loaded = [weight.stride() for weight in other.weights]
    moved = [weight.stride() for weight in layer.to(torch.float64).to(torch.float32).weights]

    assert copied == loaded == moved == strides


def test_gradients_have_the_weights_strides(first_case):
    layer = first_case.built()
    outputs = first_case.run(layer, first_case.inputs())

    weights = layer.trainable_weights
    gradients = torch.autograd.grad(outputs[0].square().sum(), weights) if weights else ()

    assert [gradient.stride() for gradient in gradients] == [weight.stride() for weight in weights]
