"""Seeded faults of initializers, regularizers and constraints: each is right but for one thing."""

import random

import numpy as np
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


# Initializers


@ck.example((None, None), scale=2.0)
@ck.example()
class RightInitializer(ck.Initializer):
    """Uniform numbers."""

    def __init__(self, scale=1.0, seed=None):
        self.scale, self.seed = scale, seed

    def __call__(self, shape, dtype=None):
        generator = None if self.seed is None else torch.Generator("cpu").manual_seed(self.seed)
        place = "cpu" if generator else None
        drawn = torch.rand(tuple(shape), generator=generator, device=place).mul(self.scale)
        return drawn.to(torch.get_default_device(), dtype or torch.float32)


@fault("initializers", "shapes", "its shape")
class Transposes(RightInitializer):
    def __call__(self, shape, dtype=None):
        return super().__call__(tuple(shape)[::-1], dtype)


@fault("initializers", "dtypes", "float64")
class IgnoresTheDtype(RightInitializer):
    def __call__(self, shape, dtype=None):
        return super().__call__(shape, torch.float32)


@fault("initializers", "devices", "on cpu")
class StaysOnTheCpu(RightInitializer):
    def __call__(self, shape, dtype=None):
        return torch.rand(tuple(shape), device="cpu").to(dtype or torch.float32)


@fault("initializers", "seed_argument", "seed=1")
class IgnoresItsSeed(RightInitializer):
    def __call__(self, shape, dtype=None):
        return torch.rand(tuple(shape)).to(dtype or torch.float32)


@fault("initializers", "seed_argument", "differ")
class KnowsOneSeedOnly(RightInitializer):
    def __init__(self, scale=1.0, seed=None):
        super().__init__(scale, seed and 1)


@fault("initializers", "seeds", "torch.manual_seed(1) twice")
class DrawsWithNumpy(RightInitializer):
    def __call__(self, shape, dtype=None):
        return torch.tensor(np.random.default_rng().random(tuple(shape))).to(dtype or torch.float32)


@fault("initializers", "seeds", "it seeds the generator itself")
class SeedsTorch(RightInitializer):
    def __call__(self, shape, dtype=None):
        torch.manual_seed(0)
        return super().__call__(shape, dtype)


@fault("initializers", "seeds", "the same twice")
class KeepsItsNumbers(RightInitializer):
    def __call__(self, shape, dtype=None):
        drawn = super().__call__(shape, dtype)
        return torch.ones_like(drawn)


@fault("initializers", "side_effects", "Python's random generator")
class DrawsWithPython(RightInitializer):
    def __call__(self, shape, dtype=None):
        return super().__call__(shape, dtype) + random.random()


@fault("initializers", "fresh_memory", "place for each number")
class Expands(RightInitializer):
    def __call__(self, shape, dtype=None):
        return super().__call__((1,) * len(shape), dtype).expand(tuple(shape))


@fault("initializers", "fresh_memory", "same memory")
class GivesTheSameTensorTwice(RightInitializer):
    def __call__(self, shape, dtype=None):
        self.kept = getattr(self, "kept", None) if hasattr(self, "kept") else super().__call__(shape, dtype)
        return self.kept


@fault("initializers", "config", "the argument scale")
class LosesAnArgument(RightInitializer):
    def get_config(self):
        return {"seed": self.seed}


@fault("initializers", "makes_weights", "makes_weights")
class TakesNoDtype(RightInitializer):
    def __call__(self, shape):
        return super().__call__(shape)


# Regularizers


@ck.example((4, 3), factor=0.5)
@ck.example((5,))
class RightRegularizer(ck.Regularizer):
    """The sum of squares."""

    def __init__(self, factor=0.01):
        self.factor = factor

    def __call__(self, x):
        return self.factor * x.square().sum()


@fault("regularizers", "shapes", "()")
class ChargesEachRow(RightRegularizer):
    def __call__(self, x):
        return self.factor * x.square().sum(-1, keepdim=True)


@fault("regularizers", "shapes", "a tensor")
class GivesANumber(RightRegularizer):
    def __call__(self, x):
        return float(super().__call__(x.detach()))


@fault("regularizers", "gradients", "depends on the input")
class DetachesTheWeight(RightRegularizer):
    def __call__(self, x):
        return super().__call__(x.detach())


@fault("regularizers", "gradients", "gradient")
class DetachesOneFactor(RightRegularizer):
    def __call__(self, x):
        return self.factor * (x * x.detach()).sum()


@fault("regularizers", "extremes", "0 everywhere")
class TakesTheNorm(RightRegularizer):
    def __call__(self, x):
        return self.factor * x.square().sum().sqrt()


@fault("regularizers", "dtypes", "float32")
class ChargesInFloat32(RightRegularizer):
    def __call__(self, x):
        return super().__call__(x.float())


@fault("regularizers", "inputs_stay", "its input")
class SquaresInPlace(RightRegularizer):
    def __call__(self, x):
        y = super().__call__(x)
        x.data.square_()
        return y


@fault("regularizers", "config", "from_config")
class ReadsTheDefault(RightRegularizer):
    @classmethod
    def from_config(cls, config):
        return cls()


@fault("regularizers", "copies", "lambda")
class HoldsALambda(RightRegularizer):
    def __init__(self, factor=0.01):
        super().__init__(factor)
        self.function = lambda x: x


# Constraints


@ck.example((4, 3), limit=0.5)
@ck.example((5,))
class RightConstraint(ck.Constraint):
    """No number beyond a limit."""

    def __init__(self, limit=1.0):
        self.limit = limit

    def __call__(self, w):
        return w.clamp(-self.limit, self.limit)


@fault("constraints", "settles", "the same weight")
class ShrinksForEver(RightConstraint):
    def __call__(self, w):
        return super().__call__(w) * 0.99


@fault("constraints", "extremes", "0 everywhere")
class DividesByTheNorm(RightConstraint):
    def __call__(self, w):
        return w / w.norm()


@fault("constraints", "shapes", "expected")
class LosesAnAxis(RightConstraint):
    def __call__(self, w):
        return w.norm(dim=0)


@fault("constraints", "dtypes", "float32")
class ReturnsFloat32(RightConstraint):
    def __call__(self, w):
        return super().__call__(w.float())


@fault("constraints", "inputs_stay", "its input")
class ClampsInPlace(RightConstraint):
    def __call__(self, w):
        return w.clamp_(-self.limit, self.limit)


@fault("constraints", "nan_passes", "nan")
class HidesNan(RightConstraint):
    def __call__(self, w):
        return super().__call__(w.nan_to_num())


@fault("constraints", "config", "the argument limit")
class ForgetsItsLimit(RightConstraint):
    def get_config(self):
        return {}


@fault("constraints", "repeats", "a second call")
class AddsNoise(RightConstraint):
    def __call__(self, w):
        return super().__call__(w + 0.1 * torch.rand_like(w))


@pytest.mark.parametrize(("value", "kind", "check", "word"), FAULTS, ids=lambda one: getattr(one, "__name__", one))
def test_fault_is_caught_and_named(value, kind, check, word, outcome_of, counted):
    counts = counted.setdefault(kind, [0, 0])
    counts[0] += 1

    outcome = outcome_of(value, kind, check)

    assert outcome.status == "failed"
    assert word in outcome.message
    assert value.__name__ in outcome.message
    counts[1] += 1


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (RightInitializer, "initializers"),
        (RightRegularizer, "regularizers"),
        (RightConstraint, "constraints"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_right_one_passes_every_check(value, kind):
    outcomes = run([subject_of(value, kind)])

    assert [f"{one.check}: {one.message}" for one in outcomes if one.status == "failed"] == []
