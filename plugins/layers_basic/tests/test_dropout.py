import pytest
import torch

from corekit.errors import ArgumentError, ShapeError
from corekit.layers import Dropout
from corekit.utils import set_random_seed


def test_dropout_keeps_the_mean():
    output = Dropout(0.3)(torch.ones(100_000), training=True)

    assert abs(float(output.mean()) - 1) < 0.01  # its standard deviation is 0.002


def test_kept_values_are_scaled_up():
    output = Dropout(0.75)(torch.ones(1000), training=True)

    assert set(output.tolist()) == {0.0, 4.0}


def test_dropout_does_nothing_in_inference():
    x = torch.ones(10)

    assert Dropout(0.5)(x) is x


def test_noise_shape_shares_the_mask():
    output = Dropout(0.5, noise_shape=(None, 1, None))(torch.ones(4, 6, 50), training=True)

    assert torch.equal(output, output[:, :1].expand(4, 6, 50))
    assert set(output.flatten().tolist()) == {0.0, 2.0}


def test_random_seed_repeats_the_mask():
    layer, x = Dropout(0.5), torch.ones(100)
    set_random_seed(7)
    first = layer(x, training=True)
    set_random_seed(7)

    assert torch.equal(layer(x, training=True), first)


def test_masks_differ_from_call_to_call():
    layer, x = Dropout(0.5), torch.ones(100)

    assert not torch.equal(layer(x, training=True), layer(x, training=True))


@pytest.mark.parametrize("rate", [1.5, -0.1, "half", None], ids=repr)
def test_rate_must_be_a_probability(rate):
    with pytest.raises(ArgumentError, match=r"Dropout\(rate=.*\): expected a number from 0 to 1.*Dropout\(0\.5\)"):
        Dropout(rate)


@pytest.mark.parametrize("noise_shape", ["all", (0, 1), (1.5,)], ids=repr)
def test_noise_shape_must_be_a_shape(noise_shape):
    with pytest.raises(ArgumentError, match="expected sizes, or None for the input's"):
        Dropout(0.5, noise_shape=noise_shape)


def test_seed_is_refused_with_the_line_to_write():
    with pytest.raises(ArgumentError, match=r"corekit\.utils\.set_random_seed\(42\)"):
        Dropout(0.5, seed=42)


def test_noise_shape_of_another_rank_is_told():
    layer = Dropout(0.5, noise_shape=(None, 1))

    with pytest.raises(ShapeError, match=r"has 2 axes, but the input has 3: \(4, 5, 6\)"):
        layer(torch.ones(4, 5, 6), training=True)
