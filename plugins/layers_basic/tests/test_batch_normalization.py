import pytest
import torch

import corekit
from corekit.errors import ArgumentError, ArgumentTypeError, ShapeError
from corekit.layers import BatchNormalization


@pytest.mark.parametrize("shape", [(8, 3), (8, 4, 3), (8, 4, 5, 3), (2, 3, 4, 5, 3)], ids=str)
def test_training_output_matches_torch(shape):
    x = torch.randn(shape) * 2 + 5

    output = BatchNormalization()(x, training=True)

    expected = torch.nn.functional.batch_norm(x.movedim(-1, 1), None, None, training=True, eps=1e-3).movedim(1, -1)
    torch.testing.assert_close(output, expected)


def test_moving_variance_is_the_biased_one():
    x = torch.tensor([[0.0], [2.0]])
    layer = BatchNormalization(momentum=0.0)

    layer(x, training=True)

    torch.testing.assert_close(layer.moving_variance, torch.tensor([1.0]))  # the unbiased one is 2


def test_inference_uses_the_moving_averages():
    layer = BatchNormalization(epsilon=1e-6)
    layer(torch.ones(2, 1))
    layer.set_weights([[1.0], [0.0], [3.0], [4.0]])

    output = layer(torch.tensor([[5.0]]))

    torch.testing.assert_close(output, torch.tensor([[1.0]]))


def test_inference_leaves_the_averages_alone():
    layer = BatchNormalization()
    layer(torch.randn(8, 3) + 5)

    assert not layer.moving_mean.any()


def test_frozen_layer_stays_in_inference():
    layer = BatchNormalization()
    x = torch.randn(8, 3) + 5
    expected = layer(x)

    layer.trainable = False

    assert torch.equal(layer(x, training=True), expected)
    assert not layer.moving_mean.any()


def test_averages_are_no_trainable_weights():
    layer = BatchNormalization()
    layer(torch.ones(2, 3))

    assert [len(layer.trainable_weights), len(layer.non_trainable_weights)] == [2, 2]
    assert list(layer.state_dict()) == ["gamma", "beta", "moving_mean", "moving_variance"]


def test_averages_stay_finite_without_variance():
    layer = BatchNormalization()

    layer(torch.full((4, 3), 7.0), training=True)

    torch.testing.assert_close(layer.moving_variance, torch.full((3,), 0.99))


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
def test_channels_last_is_not_copied(training):
    layer = BatchNormalization()
    x = torch.randn(2, 4, 4, 3)
    layer(x)
    made = []

    class Copies(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            made.append(func.__name__)
            return func(*args, **kwargs or {})

    with Copies():
        layer(x, training=training)

    assert not [name for name in made if name.startswith(("clone", "contiguous", "_to_copy"))]


def test_momentum_out_of_range_is_told():
    with pytest.raises(ArgumentError, match=r"BatchNormalization\(momentum=1\.5\): expected a number from 0 to 1"):
        BatchNormalization(momentum=1.5)


def test_epsilon_must_be_above_0():
    with pytest.raises(ArgumentError, match=r"BatchNormalization\(epsilon=0\): expected a number above 0"):
        BatchNormalization(epsilon=0)


def test_axis_must_be_a_whole_number():
    with pytest.raises(ArgumentTypeError, match=r"BatchNormalization\(axis='last'\): expected a whole number"):
        BatchNormalization(axis="last")


def test_axis_that_is_not_there_is_told():
    with pytest.raises(ShapeError, match=r"BatchNormalization\(axis=3\) cannot take \(batch, 4\): its axes are 0, 1"):
        BatchNormalization(axis=3)(torch.ones(2, 4))


def test_unknown_channel_count_is_told():
    with pytest.raises(ShapeError, match=r"weights for axis -1, and in \(batch, 8, any\) the size .* unknown"):
        BatchNormalization()(corekit.Input(shape=(8, None)))


def test_second_derivatives_are_right_without_gamma():
    layer = BatchNormalization(scale=False, dtype="float64").train()
    x = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    layer(x)

    assert torch.autograd.gradgradcheck(
        lambda x, beta: torch.func.functional_call(layer, {"beta": beta}, x), (x, layer.beta)
    )
