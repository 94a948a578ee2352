"""Numbers are in test_keras_numbers.py."""

import pytest
import torch

import corekit
from corekit import activations
from corekit.registry import registry

NAMES = [c.name for c in registry.components("activations") if c.distribution == "corekit-layers-basic"]


def test_only_softmax_and_sigmoid_have_a_link():
    links = {name: activations.get(name).link for name in NAMES if hasattr(activations.get(name), "link")}

    assert links == {"softmax": "softmax", "sigmoid": "sigmoid"}


@pytest.mark.parametrize(("alias", "name"), [("swish", "silu"), ("hard_swish", "hard_silu"), ("ReLU", "relu")])
def test_alias_is_the_activation(alias, name):
    assert activations.get(alias) is getattr(activations, name)


def test_no_activation_is_none():
    assert activations.get(None) is None


def test_softmax_sums_to_one_along_its_axis():
    y = corekit.activations.softmax(torch.randn(3, 4), axis=0)

    torch.testing.assert_close(y.sum(0), torch.ones(4))


def test_relu_with_a_threshold_lets_nan_pass():
    assert activations.relu(torch.tensor([float("nan")]), threshold=1.0).isnan()
