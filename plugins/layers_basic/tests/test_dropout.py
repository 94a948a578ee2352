import shutil

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


@pytest.mark.parametrize("size", [100, 4095, 4096, 4097, 100_003])
def test_dropped_share_is_the_rate(size):
    output = Dropout(0.25)(torch.ones(size), training=True)

    assert len(output) == size
    assert abs(float((output == 0).float().mean()) - 0.25) < 5 * (0.25 * 0.75 / size) ** 0.5  # five deviations


def test_expected_output_is_exact():
    output = Dropout(0.3)(torch.ones(10_000, dtype=torch.float64), training=True)

    assert set(output.tolist()) == {0.0, 65536 / round(0.7 * 65536)}


def test_neighbours_are_dropped_independently():
    dropped = (Dropout(0.5)(torch.ones(400_000), training=True) == 0).reshape(-1, 4).float()

    together = dropped.T @ dropped / len(dropped)  # sixteen bits each of one draw of sixty-four

    torch.testing.assert_close(together, torch.full((4, 4), 0.25) + torch.eye(4) / 4, atol=0.01, rtol=0)


@pytest.mark.parametrize(("rate", "mean"), [(1e-9, 1.0), (1.0, 0.0), (1 - 1e-9, 0.0)])
def test_extreme_rates_drop_next_to_none_or_all(rate, mean):
    output = Dropout(rate)(torch.ones(10_000), training=True)

    assert float(output.mean()) == mean


def test_gradient_passes_where_kept():
    x = torch.randn(10_000, requires_grad=True)
    output = Dropout(0.5)(x, training=True)

    output.sum().backward()

    assert torch.equal(x.grad, torch.where(output == 0, 0.0, 2.0))


def test_non_contiguous_input_is_thinned_in_place_order():
    x = torch.ones(100, 100)
    set_random_seed(7)
    first = Dropout(0.5)(x, training=True)
    set_random_seed(7)

    assert torch.equal(Dropout(0.5)(x.T, training=True), first)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning")  # Inductor's own import
@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="Inductor needs a C++ compiler")
@pytest.mark.parametrize("shape", [(8, 8), (64, 65), (3, 5001)], ids=str)
def test_compiled_dropout_draws_the_same_mask(shape):
    layer, x = Dropout(0.3).train(), torch.randn(shape)
    torch._dynamo.reset()
    set_random_seed(7)
    eager = layer(x)

    with torch._inductor.config.patch(fallback_random=True):
        compiled = torch.compile(layer, fullgraph=True)
        set_random_seed(7)
        found = compiled(x)

    torch.testing.assert_close(found, eager)


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
