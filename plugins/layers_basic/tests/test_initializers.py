import math

import pytest
import torch

import corekit
from corekit import initializers
from corekit.errors import ArgumentError, ArgumentTypeError, ShapeError

SHAPE = (400, 600)
KERNEL = (3, 3, 40, 60)  # height, width, in, out: 360 inputs, 540 outputs

RANDOM = [
    "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "GlorotUniform", "GlorotNormal", "HeUniform",
    "HeNormal", "LecunUniform", "LecunNormal", "Orthogonal",
]  # fmt: skip

# name -> variance of its numbers, from the fans
VARIANCE = {
    "GlorotUniform": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "GlorotNormal": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "HeUniform": lambda fan_in, fan_out: 2 / fan_in,
    "HeNormal": lambda fan_in, fan_out: 2 / fan_in,
    "LecunUniform": lambda fan_in, fan_out: 1 / fan_in,
    "LecunNormal": lambda fan_in, fan_out: 1 / fan_in,
    "VarianceScaling": lambda fan_in, fan_out: 1 / fan_in,
}


def assert_spread(x, deviation, mean=0.0):
    # 200,000 numbers: their standard deviation is off by 0.2%, their mean by 0.2% of it
    assert float(x.std()) == pytest.approx(deviation, rel=0.01)
    assert float(x.mean()) == pytest.approx(mean, abs=0.01 * deviation)


# Distributions


@pytest.mark.parametrize(("shape", "fans"), [(SHAPE, (400, 600)), (KERNEL, (360, 540))], ids=["dense", "conv"])
@pytest.mark.parametrize("name", VARIANCE)
def test_variance_follows_the_fans(name, shape, fans):
    x = getattr(initializers, name)(seed=1)(shape)

    # 21,600 numbers in the smaller one: off by 0.5%
    assert float(x.std()) == pytest.approx(math.sqrt(VARIANCE[name](*fans)), rel=0.02)


@pytest.mark.parametrize("name", ["GlorotUniform", "HeUniform", "LecunUniform"])
def test_uniform_stays_within_its_limit(name):
    limit = math.sqrt(3 * VARIANCE[name](*SHAPE))

    x = getattr(initializers, name)(seed=1)(SHAPE)

    assert 0.999 * limit < float(x.abs().max()) <= limit * (1 + 1e-6)


@pytest.mark.parametrize("name", ["GlorotNormal", "HeNormal", "LecunNormal"])
def test_normal_is_cut_at_two_deviations(name):
    deviation = math.sqrt(VARIANCE[name](*SHAPE)) / 0.87962566103423978

    x = getattr(initializers, name)(seed=1)(SHAPE)

    assert 1.99 * deviation < float(x.abs().max()) <= 2 * deviation * (1 + 1e-6)


def test_random_normal_has_its_mean_and_deviation():
    assert_spread(initializers.RandomNormal(3.0, 0.5, seed=1)(SHAPE), 0.5, 3.0)


def test_truncated_normal_loses_some_deviation():
    assert_spread(initializers.TruncatedNormal(3.0, 0.5, seed=1)(SHAPE), 0.5 * 0.8796, 3.0)


def test_truncated_normal_of_no_deviation_is_its_mean():
    assert torch.equal(initializers.TruncatedNormal(3.0, 0.0)((4,)), torch.full((4,), 3.0))


def test_random_uniform_fills_its_range():
    x = initializers.RandomUniform(1.0, 3.0, seed=1)(SHAPE)

    assert 1.0 <= float(x.min()) < 1.001
    assert 2.999 < float(x.max()) <= 3.0
    assert_spread(x, 2 / math.sqrt(12), 2.0)


def test_untruncated_normal_goes_further():
    x = initializers.VarianceScaling(distribution="untruncated_normal", seed=1)(SHAPE)

    assert_spread(x, 1 / 20)
    assert float(x.abs().max()) > 3 / 20


@pytest.mark.parametrize(("mode", "n"), [("fan_in", 400), ("fan_out", 600), ("fan_avg", 500)])
def test_mode_says_which_fan(mode, n):
    assert_spread(initializers.VarianceScaling(3.0, mode, seed=1)(SHAPE), math.sqrt(3 / n))


def test_axes_may_be_named():
    x = initializers.HeNormal(seed=1, input_axes=[1], output_axes=[0])((500, 400))

    assert_spread(x, math.sqrt(2 / 400))


@pytest.mark.parametrize("shape", [(50, 50), (80, 30), (30, 80), (3, 3, 5, 20)], ids=str)
def test_orthogonal_has_orthogonal_columns_or_rows(shape):
    matrix = initializers.Orthogonal(gain=2.0, seed=1)(shape).reshape(-1, shape[-1])
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T

    torch.testing.assert_close(tall.T @ tall, 4 * torch.eye(tall.shape[1]), atol=1e-5, rtol=0)


def test_constant_takes_an_array_too():
    assert torch.equal(initializers.Constant([1.0, 2.0])((3, 2)), torch.tensor([[1.0, 2.0]] * 3))


# Seeds, dtypes, devices


def test_dtype_may_be_a_name():
    assert initializers.Zeros()((2,), dtype="float16").dtype == torch.float16


@pytest.mark.parametrize("shape", [(), (3,), (0, 4)], ids=str)
def test_odd_shapes_are_filled(shape):
    assert initializers.GlorotUniform()(shape).shape == shape


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("glorot_uniform", "GlorotUniform"), ("he_normal", "HeNormal"), ("zeros", "Zeros"), ("ones", "Ones"),
        ("uniform", "RandomUniform"), ("normal", "RandomNormal"), ("OrthogonalInitializer", "Orthogonal"),
    ],
)  # fmt: skip
def test_keras_spelling_is_an_attribute(alias, name):
    assert getattr(initializers, alias) is getattr(initializers, name)


# Errors


@pytest.mark.parametrize("name", ["Identity", "Orthogonal"])
def test_matrix_initializer_refuses_vectors(name):
    with pytest.raises(ShapeError, match=rf"the initializer {name} .*shape \(3,\)"):
        getattr(initializers, name)()((3,))


@pytest.mark.parametrize("name", RANDOM)
def test_seed_must_be_a_whole_number(name):
    with pytest.raises(ArgumentTypeError, match=r"\(seed='one'\): expected a whole number, or None"):
        getattr(initializers, name)(seed="one")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"scale": 0}, r"scale=0\): expected a number above 0"),
        ({"mode": "fan"}, r"mode='fan'\): expected \"fan_in\", \"fan_out\" or \"fan_avg\""),
        ({"distribution": "cauchy"}, r"distribution='cauchy'\): expected \"truncated_normal\""),
    ],
)
def test_variance_scaling_explains(arguments, words):
    with pytest.raises(ArgumentError, match=words):
        initializers.VarianceScaling(**arguments)


@pytest.mark.parametrize("name", ["RandomNormal", "TruncatedNormal"])
def test_negative_deviation_is_told(name):
    with pytest.raises(ArgumentError, match=rf"{name}\(stddev=-1\): expected a number from 0"):
        getattr(initializers, name)(stddev=-1)


def test_unknown_dtype_is_told():
    with pytest.raises(ArgumentError, match='dtype="float17" is not a dtype'):
        corekit.initializers.Zeros()((2,), dtype="float17")
