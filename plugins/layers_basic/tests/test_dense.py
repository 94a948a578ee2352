import inspect
from pathlib import Path

import pytest
import torch

import corekit
from corekit import activations
from corekit.errors import ArgumentError, ArgumentTypeError, ShapeError, UnknownNameError
from corekit.layers import Activation, Dense


def test_dense_matches_torch_linear():
    linear = torch.nn.Linear(5, 4)
    layer = Dense(4, input_shape=(5,))
    x = torch.randn(3, 5)
    layer(x)

    layer.load_state_dict({"kernel": linear.weight.T, "bias": linear.bias})

    torch.testing.assert_close(layer(x), linear(x))


def test_kernel_has_shape_in_out():
    layer = Dense(4)

    layer.build((None, 7, 5))

    assert [tuple(weight.shape) for weight in layer.weights] == [(5, 4), (4,)]


def test_default_initializers_are_glorot_and_zeros():
    layer = Dense(300)
    layer.build((None, 300))

    assert 0.09 < layer.kernel.abs().max() <= (6 / 600) ** 0.5
    assert not layer.bias.any()


def test_dense_source_stays_under_100_lines():
    source = Path(inspect.getfile(Dense)).read_text()

    assert len(source.splitlines()) < 100


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64], ids=str)
def test_dense_takes_whole_numbers(dtype):
    layer = Dense(4)

    output = layer(torch.ones(2, 3, dtype=dtype))

    torch.testing.assert_close(output, layer(torch.ones(2, 3)))


SPECS = {"name": "tanh", "torch": torch.tanh, "ours": activations.tanh, "module": torch.nn.Tanh()}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_activation_may_be(spec):
    layer = Dense(4, spec)
    x = torch.randn(2, 3)

    torch.testing.assert_close(layer(x), torch.tanh(layer.logits(x)))


def test_weights_of_an_activation_are_stored_once():
    layer = Dense(4, activation=torch.nn.PReLU())
    layer(torch.ones(2, 3))

    assert sorted(layer.state_dict()) == ["activation.weight", "bias", "kernel"]


# The logits contract


@pytest.mark.parametrize("layer", [Dense(4, "softmax"), Activation("softmax")], ids=["Dense", "Activation"])
def test_activation_of_logits_is_the_output(layer):
    x = torch.randn(2, 3)
    output = layer(x)

    torch.testing.assert_close(layer.link_activation(layer.logits(x)), output)


@pytest.mark.parametrize("layer", [Dense(4, "softmax"), Activation("softmax")], ids=["Dense", "Activation"])
def test_link_activation_says_its_link(layer):
    assert layer.link_activation is activations.softmax
    assert layer.link_activation.link == "softmax"


@pytest.mark.parametrize("layer", [Dense(4), Activation(None)], ids=["Dense", "Activation"])
def test_no_activation_is_no_link(layer):
    assert layer.link_activation is None


def test_model_offers_logits_of_its_last_layer():
    model = corekit.Sequential([Dense(4, "softmax", input_shape=(3,))])
    x = torch.randn(2, 3)

    torch.testing.assert_close(model.logits(x).softmax(-1), model(x))


# Penalties and constraints


def test_regularizers_charge_weights_and_output():
    layer = Dense(
        2, kernel_initializer="ones", bias_initializer="ones", kernel_regularizer="l1", bias_regularizer="l2",
        activity_regularizer=lambda y: y.sum(),
    )  # fmt: skip

    layer(torch.ones(4, 3))

    # 0.01 * 6 ones, 0.01 * 2 ones, and 4 samples of two outputs of 3 + 1, divided by the batch
    assert [round(float(loss.detach()), 5) for loss in layer.losses] == [0.06, 0.02, 8.0]


def test_constraints_are_applied_to_weights():
    layer = Dense(2, kernel_initializer="ones", kernel_constraint="unit_norm", bias_constraint="non_neg")
    layer(torch.ones(4, 9))
    layer.bias.data.fill_(-1.0)

    layer.constrain_weights()

    torch.testing.assert_close(layer.kernel.detach(), torch.full((9, 2), 1 / 3))
    assert not layer.bias.any()


# Errors


@pytest.mark.parametrize("units", ["ten", 0, -3, 2.5, None], ids=repr)
def test_units_must_be_a_whole_number(units):
    with pytest.raises(ArgumentError, match=r"Dense\(units=.*\): expected a whole number from 1.*Dense\(10\)"):
        Dense(units)


def test_input_without_features_is_refused():
    with pytest.raises(ShapeError, match=r"Dense expects \(batch, \.\.\., features\), got \(batch\)\."):
        Dense(4)(torch.ones(3))


def test_unknown_feature_count_says_what_to_do():
    with pytest.raises(ShapeError, match=r"in \(batch, any\) the size .* unknown\.\n  .*Input\(shape=\(784,\)"):
        Dense(4)(corekit.Input(shape=(None,)))


def test_other_feature_count_than_built_is_named():
    layer = Dense(4, name="head")
    layer(torch.ones(2, 3))

    with pytest.raises(ShapeError, match=r'Dense "head" was built for \(batch, \.\.\., 3\), got \(2, 5\)'):
        layer(torch.ones(2, 5))


def test_unknown_activation_is_told_at_once():
    with pytest.raises(UnknownNameError, match=r'no activation called "relo"\.  Did you mean "relu"'):
        Dense(4, activation="relo")


def test_unknown_initializer_is_told_at_once():
    with pytest.raises(UnknownNameError, match="glorot_unifrom"):
        Dense(4, kernel_initializer="glorot_unifrom")


def test_activation_of_a_wrong_type_is_told():
    with pytest.raises(ArgumentTypeError, match="activations: got 3"):
        Dense(4, activation=3)
