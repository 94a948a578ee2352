"""Seeded faults of activations: each is right but for one thing."""

import os

import pytest
import torch

import corekit as ck
from corekit.testing.case import subject_of
from corekit.testing.kit import run
from tests.testing.seeding import SeedsOfKinds

FAULTS = fault = SeedsOfKinds()
WIDE = ck.Values((4, 3), low=-3, high=3)


def tried(value):
    return ck.example(WIDE)(value)


# Activations


@ck.example(WIDE, slope=0.1)
@tried
def right_activation(x, slope=0.2):
    """x where x > 0, else slope * x."""
    return torch.where(x > 0, x, slope * x)


class _Halved(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        return 0.5 * grad


@fault("activations", "gradients", "gradient")
@tried
def halves_its_gradient(x):
    return torch.tanh(_Halved.apply(x))


@fault("activations", "gradients", "depends on the input")
@tried
def detaches(x):
    return torch.tanh(x.detach())


@fault("activations", "second_gradients", "derivative")
@tried
def has_no_second_gradient(x):
    return torch.nn.functional.hardsigmoid(x)


@fault("activations", "inputs_stay", "its input")
@tried
def changes_its_input(x):
    return x.data.clamp_(min=0) + 0 * x


@fault("activations", "nan_passes", "nan")
@tried
def hides_nan(x):
    return torch.where(x > 0, x, 0.0)


@fault("activations", "extremes", "10000")
@tried
def overflows(x):
    return torch.exp(x) / (1 + torch.exp(x))


@fault("activations", "extremes", "gradient")
@tried
def has_a_root_at_zero(x):
    return torch.sqrt(x * x)


@fault("activations", "dtypes", "float32")
@tried
def returns_float32(x):
    return torch.tanh(x.float())


@fault("activations", "devices", "meta")
@tried
def works_on_the_cpu(x):
    return torch.maximum(x, torch.zeros(x.shape, dtype=x.dtype, device="cpu"))


@fault("activations", "repeats", "a second call")
@tried
def adds_noise(x):
    return x + torch.rand_like(x)


@fault("activations", "rows_alone", "without the others")
@tried
def divides_by_the_largest(x):
    return x / (1 + x.abs().amax())


@fault("activations", "shapes", "expected")
@tried
def drops_an_axis(x):
    return x.sum(-1)


@fault("activations", "strides", "contiguous")
@tried
def reads_memory_in_order(x):
    return torch.tanh(x.as_strided(x.shape, x.reshape(-1).reshape(x.shape).stride()))


@fault("activations", "never_falls", "falls")
@tried
def says_it_never_falls(x):
    return x * torch.sigmoid(x)


says_it_never_falls.never_falls = True


@fault("activations", "link", "link")
@tried
def has_the_wrong_link(x):
    return torch.tanh(x)


has_the_wrong_link.link = "sigmoid"


@fault("activations", "compiles", "fullgraph")
@tried
def branches_on_values(x):
    return torch.relu(x) if x.sum() > 0 else torch.tanh(x)


@fault("activations", "side_effects", "environment")
@tried
def sets_a_variable(x):
    os.environ["MINE"] = "1"
    return torch.tanh(x)


@fault("activations", "side_effects", "torch's random generator")
@tried
def seeds_torch(x):
    torch.manual_seed(5)
    return torch.tanh(x)


@pytest.mark.parametrize(("value", "kind", "check", "word"), FAULTS, ids=lambda one: getattr(one, "__name__", one))
def test_fault_is_caught_and_named(value, kind, check, word, outcome_of, counted):
    counts = counted.setdefault(kind, [0, 0])
    counts[0] += 1

    outcome = outcome_of(value, kind, check)

    assert outcome.status == "failed"
    assert word in outcome.message
    assert value.__name__ in outcome.message
    counts[1] += 1


def test_right_activation_passes_every_check():
    outcomes = run([subject_of(right_activation, "activations")])

    assert [f"{one.check}: {one.message}" for one in outcomes if one.status == "failed"] == []
