"""Seeded faults of layers, in their derivatives: each class is right but for one thing, and one check must say so."""

import pytest
import torch

from tests.testing.right_layers import Scaling as Right
from tests.testing.seeding import Seeds

FAULTS = fault = Seeds()


# Gradients


class _Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.factor, None


class _Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.x = x.detach()
        return x * x

    @staticmethod
    def backward(ctx, grad):
        return 2 * ctx.x * grad


@fault("gradients", "input 0")
class GradientIsTwiceTooLarge(Right):
    def call(self, inputs):
        return super().call(_Scaled.apply(inputs, 2.0))


@fault("gradients", "gradient in float64")
class GradientHasTheWrongSign(Right):
    def call(self, inputs):
        return _Scaled.apply(super().call(inputs), -1.0)


@fault("gradients", "weight scale")
class GradientOfAWeightIsSmall(Right):
    def call(self, inputs):
        return torch.tanh(inputs * _Scaled.apply(self.scale, 0.9) * self.factor + self.shift)


@fault("gradients", "weight shift")
class DetachesAWeightInPart(Right):
    def call(self, inputs):
        return torch.tanh(inputs * self.scale * self.factor + 0.5 * self.shift + 0.5 * self.shift.detach())


@fault("gradients", "input 0")
class DetachesItsInput(Right):
    def call(self, inputs):
        return super().call(inputs.detach())


@fault("gradients", "no gradient leads back")
class HasNoWeightsAndDetaches(Right):
    def build(self, input_shape):
        pass

    def call(self, inputs):
        return torch.tanh(inputs).detach()


@fault("gradients", "what differences of the output say")
class RoundsStraightThrough(Right):
    def call(self, inputs):
        y = super().call(inputs)
        return y + (y.round() - y).detach()


@fault("inference_gradients", "gradient in inference")
class InfersWithoutGradients(Right):
    def call(self, inputs, training=False):
        with torch.set_grad_enabled(training):
            return super().call(inputs)


@fault("inference_gradients", "input 0")
class GradientIsWrongInInference(Right):
    def call(self, inputs, training=False):
        return super().call(inputs if training else _Scaled.apply(inputs, 0.5))


@fault("second_gradients", "second gradient")
class SecondGradientIsZero(Right):
    def call(self, inputs):
        return super().call(_Square.apply(inputs))


@fault("second_gradients", "second gradient")
class BackwardCannotBeDerived(Right):
    def call(self, inputs):
        return torch.nn.functional.hardsigmoid(super().call(inputs))


@fault("all_weights_learn", "none for spare")
class HasASpareWeight(Right):
    def build(self, input_shape):
        super().build(input_shape)
        self.spare = self.add_weight(shape=(3,), initializer=torch.nn.init.zeros_, name="spare")


@fault("all_weights_learn", "none for shift")
class ReadsAWeightsData(Right):
    def call(self, inputs):
        return torch.tanh(inputs * self.scale * self.factor + self.shift.data)


@pytest.mark.parametrize(("cls", "check", "word"), FAULTS, ids=map(str, FAULTS))
def test_fault_is_caught_and_named(cls, check, word, outcome_of, counted):
    counts = counted.setdefault("gradients of layers", [0, 0])
    counts[0] += 1

    outcome = outcome_of(cls, "layers", check)

    assert outcome.status == "failed"
    assert word in outcome.message
    assert cls.__name__ in outcome.message
    counts[1] += 1
