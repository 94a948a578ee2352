"""Learning rate schedules: Keras's numbers over thousands of passes, their edges, and what they refuse."""

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError, ArgumentTypeError

CASES = {
    "exponential": ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 1000, "decay_rate": 0.96}),
    "exponential_stairs": (
        "ExponentialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 250, "decay_rate": 0.5, "staircase": True},
    ),
    "cosine": ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 1500}),
    "cosine_alpha": ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 1500, "alpha": 0.1}),
    "cosine_warm": (
        "CosineDecay",
        {"initial_learning_rate": 0.0, "decay_steps": 1000, "warmup_target": 0.1, "warmup_steps": 500, "alpha": 0.05},
    ),
    "cosine_target_alone": (
        "CosineDecay",
        {"initial_learning_rate": 0.2, "decay_steps": 1000, "warmup_target": 0.1},
    ),
    "restarts": ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 100}),
    "restarts_even": (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 128, "t_mul": 1.0, "m_mul": 0.9, "alpha": 0.1},
    ),
    "restarts_lower": (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 100, "t_mul": 2.0, "m_mul": 0.5},
    ),
    "stairs": ("PiecewiseConstantDecay", {"boundaries": [100, 1000, 2000], "values": [0.1, 0.05, 0.01, 0.001]}),
    "polynomial": ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 1500, "end_learning_rate": 0.01}),
    "polynomial_root": ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 1500, "power": 0.5}),
    "polynomial_cycle": (
        "PolynomialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 700, "power": 2.0, "cycle": True},
    ),
    "inverse": ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 100, "decay_rate": 0.5}),
    "inverse_stairs": (
        "InverseTimeDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 100, "decay_rate": 0.5, "staircase": True},
    ),
}
PASSES = [*range(0, 3001, 7), 99, 100, 101, 250, 499, 500, 501, 700, 1000, 1001, 1500, 2000, 2001, 3000, 4000]
SCRIPT = f"""
for case, (name, kwargs) in {CASES!r}.items():
    schedule = getattr(keras.optimizers.schedules, name)(**kwargs)
    result[case] = np.array([float(schedule(keras.ops.convert_to_tensor(step))) for step in {PASSES!r}])
"""


def make(case):
    name, kwargs = CASES[case]
    return getattr(ck.optimizers.schedules, name)(**kwargs)


@pytest.fixture(scope="module")
def keras_says(keras_oracle):
    return keras_oracle(SCRIPT)


@pytest.mark.parametrize("case", CASES)
def test_rates_match_keras(case, keras_says):
    rates = [float(make(case)(torch.tensor(step, dtype=torch.float64))) for step in PASSES]

    # Keras computes in float32: 6e-8 of a rate of 0.1 or 0.2, a few times
    np.testing.assert_allclose(rates, keras_says[case], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("t_mul", [1.1, 1.5, 3.0])
def test_each_restart_is_at_the_full_rate(t_mul):
    restarting = ck.schedules.CosineDecayRestarts(0.1, first_decay_steps=1.0, t_mul=t_mul)

    starts = [(t_mul**period - 1) / (t_mul - 1) for period in range(30)]

    assert [float(restarting(start)) for start in starts] == pytest.approx([0.1] * 30, rel=1e-6)


def test_whole_numbers_are_counts_too():
    assert make("stairs")(torch.tensor(101)) == make("stairs")(101.0)


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (
            lambda s: s.ExponentialDecay(0.1, 0, 0.9),
            ArgumentError,
            "ExponentialDecay(decay_steps=0): expected a number",
        ),
        (lambda s: s.ExponentialDecay("0.1", 10, 0.9), ArgumentTypeError, "(initial_learning_rate='0.1'): expected"),
        (lambda s: s.CosineDecay(0.1, -5), ArgumentError, "(decay_steps=-5): expected a number, more than 0"),
        (lambda s: s.CosineDecay(-0.1, 5), ArgumentError, "(initial_learning_rate=-0.1): expected a number, from 0"),
        (lambda s: s.CosineDecay(0.1, 5, warmup_target="high"), ArgumentTypeError, "(warmup_target='high')"),
        (lambda s: s.CosineDecayRestarts(0.1, 5, t_mul=0.5), ArgumentError, "(t_mul=0.5): expected a number, from 1"),
        (lambda s: s.InverseTimeDecay(0.1, 5, None), ArgumentTypeError, "InverseTimeDecay(decay_rate=None)"),
        (lambda s: s.PolynomialDecay(0.1, 5, power=-1), ArgumentError, "PolynomialDecay(power=-1)"),
        (
            lambda s: s.PiecewiseConstantDecay([1], [0.1]),
            ArgumentError,
            "1 boundaries and 1 values; expected one value",
        ),
        (lambda s: s.PiecewiseConstantDecay([2, 1], [1, 1, 1]), ArgumentError, "expected rising numbers"),
        (lambda s: s.PiecewiseConstantDecay([1], [1, "low"]), ArgumentTypeError, "(values='low')"),
    ],
)
def test_bad_argument_is_named(make, kind, words):
    with pytest.raises(kind) as error:
        make(ck.optimizers.schedules)

    assert words in str(error.value)
