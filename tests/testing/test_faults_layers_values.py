"""Seeded faults of layers, in what they compute: each class is right but for one thing, and one check must say so."""

import pytest
import torch

from corekit.testing.case import subject_of
from corekit.testing.kit import run
from tests.testing.right_layers import Scaling as Right
from tests.testing.seeding import Seeds

FAULTS = fault = Seeds()


# Shapes and batches


@fault("shapes", "foretold")
class ForetellsOneMore(Right):
    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)


@fault("shapes", "foretold")
class ForetellsWrongForOddSizes(Right):
    def call(self, inputs):
        return inputs[:, : inputs.shape[1] // 2] * self.factor

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 3, *input_shape[2:]) if len(input_shape) > 2 else (input_shape[0], 2)


@fault("shapes", "1 outputs")
class ForetellsOneOutputOfTwo(Right):
    def call(self, inputs):
        return inputs, inputs

    def compute_output_shape(self, input_shape):
        return input_shape


@fault("shapes", "dtype")
class ForetellsAnotherDtype(Right):
    def call(self, inputs):
        return inputs.argmax(-1)

    def compute_output_shape(self, input_shape):
        return input_shape[:-1]


@fault("batch_sizes", "batch of 1")
class SqueezesTheBatch(Right):
    def call(self, inputs):
        return super().call(inputs).squeeze()


@fault("batch_sizes", "batch of 0")
class KnowsNoEmptyBatch(Right):
    def call(self, inputs):
        return torch.stack([super(KnowsNoEmptyBatch, self).call(one) for one in inputs])


@fault("batch_sizes", "state")
class DividesByTheBatch(Right):
    def build(self, input_shape):
        super().build(input_shape)
        self.mean = self.add_weight(
            shape=(input_shape[-1],), trainable=False, initializer=torch.nn.init.zeros_, name="mean"
        )

    def call(self, inputs, training=False):
        if training:
            with torch.no_grad():
                self.mean.copy_(inputs.flatten(0, -2).mean(0))
        return super().call(inputs)


@fault("rows_alone", "sample 0 without the batch")
class SubtractsTheBatchMean(Right):
    def call(self, inputs):
        return super().call(inputs) - inputs.mean(0)


@fault("rows_alone", "without the batch")
class SoftmaxOverTheBatch(Right):
    def call(self, inputs):
        return torch.softmax(super().call(inputs), 0)


@fault("rows_alone", "depend on that sample alone")
class DividesByTheLargest(Right):
    def call(self, inputs):
        return super().call(inputs) / (1 + inputs.abs().max())


@fault("strides", "slice of a larger tensor")
class ReadsMemoryInOrder(Right):
    def call(self, inputs):
        size = inputs.shape
        in_order = [1] * len(size)
        for axis in range(len(size) - 2, -1, -1):
            in_order[axis] = in_order[axis + 1] * size[axis + 1]
        return super().call(inputs.as_strided(size, in_order))


@fault("strides", "view")
class NeedsContiguousInput(Right):
    def call(self, inputs):
        return super().call(inputs).view(-1).view(inputs.shape) if inputs.is_contiguous() else inputs.view(-1)


# Precision and devices


@fault("dtypes", "float32")
class ReturnsFloat32(Right):
    def call(self, inputs):
        return super().call(inputs).float()


@fault("dtypes", "float64")
class AddsAFloat64Constant(Right):
    def call(self, inputs):
        return super().call(inputs) + torch.ones(inputs.shape[-1], dtype=torch.float64, device=inputs.device)


@fault("dtypes", "double")
class MultipliesWithFloat32(Right):
    def call(self, inputs):
        return super().call(inputs) @ torch.eye(inputs.shape[-1], device=inputs.device)


@fault("policies", "dtype of scale")
class FixesTheWeightsDtype(Right):
    def build(self, input_shape):
        self.scale = self.add_weight(
            shape=(input_shape[-1],), initializer=torch.nn.init.ones_, dtype="bfloat16", name="scale"
        )
        self.shift = self.add_weight(shape=(input_shape[-1],), initializer=torch.nn.init.zeros_, name="shift")


@fault("policies", 'made with dtype="float64"')
class TakesNoDtype(Right):
    def __init__(self, factor=1.0, dtype=None, **kwargs):
        super().__init__(factor, **kwargs)


@fault("autocast", "mean in float32")
class KeepsStateInHalfPrecision(Right):
    def build(self, input_shape):
        super().build(input_shape)
        self.kernel = self.add_weight(shape=(input_shape[-1], 4), initializer=torch.nn.init.normal_, name="kernel")
        self.mean = self.add_weight(shape=(4,), trainable=False, initializer=torch.nn.init.zeros_, name="mean")

    def call(self, inputs, training=False):
        y = super().call(inputs) @ self.kernel
        if training:
            self.mean = y.detach().flatten(0, -2).mean(0)
        return y


@fault("autocast", "no error")
class MixesDtypesUnderAutocast(Right):
    def call(self, inputs):
        product = inputs @ torch.diag(self.scale)
        return torch.lerp(inputs, product, 0.5)


@fault("devices", "meta")
class MakesAMaskOnTheCpu(Right):
    def call(self, inputs):
        return super().call(inputs) * torch.ones(inputs.shape[-1], device="cpu", dtype=inputs.dtype)


@fault("devices", "layer.to('meta')")
class KeepsAPlainTensor(Right):
    def build(self, input_shape):
        super().build(input_shape)
        self.table = [torch.arange(float(input_shape[-1]))]

    def call(self, inputs):
        return super().call(inputs) + self.table[0].to(inputs.dtype)


@fault("devices", "on cpu")
class ReturnsToTheCpu(Right):
    def call(self, inputs):
        return torch.zeros(inputs.shape, dtype=inputs.dtype, device="cpu")


@fault("devices", "from")
class MakesASpareTensorOnTheCpu(Right):
    def call(self, inputs):
        torch.zeros(3, device="cpu")
        return super().call(inputs)


# Promises


@fault("logits", "link_activation(logits(x))")
class ScalesItsLogits(Right):
    link_activation = staticmethod(torch.tanh)

    def logits(self, inputs):
        return 2 * inputs


@fault("takes_maxima", "relu after the layer")
class SaysItTakesMaxima(Right):
    takes_maxima = True

    def call(self, inputs):
        return inputs.mean(-1)


# Compiled and exported


@fault("compiles", "fullgraph")
class Logs(Right):
    def call(self, inputs):
        import logging

        logging.getLogger("mine").warning("called with %s", inputs.sum())
        return super().call(inputs)


@fault("compiles", "fullgraph")
class BranchesOnValues(Right):
    def call(self, inputs):
        y = super().call(inputs)
        return y if y.sum() > 0 else 2 * y


@fault("compiles", "values, gradients and state")
class ComputesOtherwiseWhenCompiled(Right):
    def call(self, inputs):
        return super().call(inputs) * (1.5 if torch.compiler.is_compiling() else 1.0)


@fault("exports", "open batch")
class FreezesTheBatch(Right):
    def call(self, inputs):
        y = super().call(inputs)
        return y.reshape(int(torch.tensor(inputs.shape[0])), *y.shape[1:])


@fault("exports", "batch")
class BranchesOnTheBatchSize(Right):
    def call(self, inputs):
        y = super().call(inputs)
        return y if inputs.shape[0] < 5 else y * 2.0


def test_right_layer_passes_every_check():
    outcomes = run([subject_of(Right, "layers")])

    assert [f"{one.check}: {one.message}" for one in outcomes if one.status == "failed"] == []
    assert {one.check for one in outcomes if one.status == "skipped"} == {
        "import_budget",
        "training_acts",
        "logits",
        "takes_maxima",
    }


@pytest.mark.parametrize(("cls", "check", "word"), FAULTS, ids=map(str, FAULTS))
def test_fault_is_caught_and_named(cls, check, word, outcome_of, counted):
    counts = counted.setdefault("values of layers", [0, 0])
    counts[0] += 1

    outcome = outcome_of(cls, "layers", check)

    assert outcome.status == "failed"
    assert word in outcome.message
    assert cls.__name__ in outcome.message
    counts[1] += 1
