import pytest
import torch

import corekit
from corekit.errors import ArgumentError, ArgumentTypeError, ShapeError
from corekit.layers import LayerNormalization


@pytest.mark.parametrize("axis", [1, [1, 2], (2, 1), [1, 3], [-3, -1], [1, 2, 3]], ids=str)
def test_any_axes_match_the_formula(axis):
    x = torch.randn(2, 3, 4, 5) * 2 + 5
    axes = sorted(one % 4 for one in ([axis] if isinstance(axis, int) else axis))

    output = LayerNormalization(axis=axis)(x)

    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    torch.testing.assert_close(output, (x - mean) / torch.sqrt(variance + 1e-3))


def test_weights_lie_along_their_axes():
    layer = LayerNormalization(axis=[3, 1])
    layer(torch.ones(2, 3, 4, 5))
    layer.beta.data.copy_(torch.arange(15.0).reshape(3, 5))

    output = layer(torch.ones(2, 3, 4, 5))

    assert torch.equal(output[0, :, 0], torch.arange(15.0).reshape(3, 5))


def test_center_and_scale_may_be_left_out():
    layer = LayerNormalization(center=False, scale=False)
    layer(torch.ones(2, 3))

    assert layer.weights == []


@pytest.mark.parametrize("axis", ["last", None, [], [1.5]], ids=repr)
def test_axis_must_be_whole_numbers(axis):
    with pytest.raises(ArgumentTypeError, match=r"LayerNormalization\(axis=.*\): expected a whole number or a list"):
        LayerNormalization(axis=axis)


def test_negative_epsilon_is_told():
    with pytest.raises(ArgumentError, match=r"LayerNormalization\(epsilon=-1\): expected a number from 0"):
        LayerNormalization(epsilon=-1)


def test_axis_that_is_not_there_is_told():
    with pytest.raises(ShapeError, match=r"LayerNormalization\(axis=2\) cannot take \(batch, 4\): its axes are 0, 1"):
        LayerNormalization(axis=2)(torch.ones(2, 4))


def test_unknown_size_is_told():
    with pytest.raises(ShapeError, match=r"weights for axis 1, and in \(batch, any, 4\) the size .* unknown"):
        LayerNormalization(axis=[1, 2])(corekit.Input(shape=(None, 4)))


def test_second_derivatives_are_right_without_gamma():
    layer = LayerNormalization(scale=False, dtype="float64").train()
    x = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    layer(x)

    assert torch.autograd.gradgradcheck(
        lambda x, beta: torch.func.functional_call(layer, {"beta": beta}, x), (x, layer.beta)
    )
