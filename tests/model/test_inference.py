"""Shapes of calls that were not made."""

import numpy as np
import pytest
import torch
from torch import nn

import corekit as ck
from corekit.errors import LayerError, ShapeError
from corekit.model.inference import Spec, infer


def drawn(layer, *shape, dtype=None):
    """Return what the layer gives for a symbolic input."""
    return layer(ck.Input(shape=shape, dtype=dtype))


# Declared shapes


def declaring(shapes):
    """Return a layer whose compute_output_shape gives `shapes(input_shape)` and whose call must not run."""

    class Declares(ck.Layer):
        def compute_output_shape(self, input_shape):
            return shapes(input_shape)

        def call(self, inputs):
            raise AssertionError("call must not run while the model is drawn")

    return Declares()


def test_declared_shape_is_trusted():
    assert drawn(declaring(lambda shape: (*shape, 7)), 3).shape == (None, 3, 7)


def test_declared_shape_may_be_a_list_of_sizes():
    assert drawn(declaring(lambda shape: [shape[0], 7]), 3).shape == (None, 7)


@pytest.mark.parametrize("form", [list, tuple])
def test_declared_shapes_may_be_several(form):
    outputs = drawn(declaring(lambda shape: form([shape, (None, 7)])), 3)

    assert [output.shape for output in outputs] == [(None, 3), (None, 7)]
    assert isinstance(outputs, form)


def test_declared_shapes_may_be_a_dict():
    outputs = drawn(declaring(lambda shape: {"a": shape, "b": (None, 7)}), 3)

    assert {name: output.shape for name, output in outputs.items()} == {"a": (None, 3), "b": (None, 7)}


@pytest.mark.parametrize("answer", [None, 7, "abc"])
def test_declared_nonsense_is_told(answer):
    with pytest.raises(LayerError, match=r"Declares\.compute_output_shape returned"):
        drawn(declaring(lambda shape: answer), 3)


def test_declared_error_passes_through():
    def refuse(shape):
        raise ShapeError("too wide")

    with pytest.raises(ShapeError, match="too wide"):
        drawn(declaring(refuse), 3)


def test_declared_layer_without_weights_keeps_the_dtype():
    layer = declaring(lambda shape: shape)

    assert [drawn(layer, 3, dtype=name).dtype for name in ("float64", "int64")] == [torch.float64, torch.int64]


def test_declared_layer_with_weights_gives_their_dtype(parts):
    assert drawn(parts.Declared(2, dtype="float16"), 3, dtype="int64").dtype == torch.float16


def test_declared_layer_gets_shapes_of_a_list():
    class Joined(ck.Layer):
        def compute_output_shape(self, input_shape):
            return (None, sum(shape[-1] for shape in input_shape))

    assert Joined()([ck.Input(shape=(3,)), ck.Input(shape=(4,))]).shape == (None, 7)


def test_unbuilt_parts_are_built_in_spite_of_a_declaration(parts):
    class Wrapped(ck.Layer):
        def __init__(self):
            super().__init__()
            self.inner = parts.Affine(2)

        def call(self, inputs):
            return self.inner(inputs)

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 2)

    layer = Wrapped()
    drawn(layer, 3)

    assert layer.inner.kernel.shape == (3, 2)


# Runs on meta tensors


def test_undeclared_shape_comes_from_call(parts):
    assert drawn(parts.Affine(2), 5, 3).shape == (None, 5, 2)


def test_fixed_batch_stays_fixed(parts):
    assert parts.Affine(2)(ck.Input(shape=(3,), batch_size=8)).shape == (8, 2)


@pytest.mark.parametrize(
    ("module", "shape", "expected"),
    [
        (nn.LSTM(8, 5, batch_first=True), (None, 8), (None, None, 5)),
        (nn.Conv1d(8, 4, 3, stride=2), (8, None), (None, 4, None)),
        (nn.Conv2d(3, 4, 3), (3, None, 28), (None, 4, None, 26)),
        (nn.AdaptiveAvgPool1d(7), (8, None), (None, 8, 7)),
        (nn.Flatten(), (None, 8), (None, None)),
        (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (None, 8), (None, None, 8)),
    ],
)
def test_open_axes_are_told_from_fixed_ones(module, shape, expected):
    result = drawn(ck.layer(module), *shape)

    assert (result[0] if isinstance(result, tuple) else result).shape == expected


def test_sum_over_an_open_axis_closes_it():
    assert drawn(ck.layer(lambda x: x.sum(dim=1)), None, 8).shape == (None, 8)


def test_batch_in_the_middle_stays_open():
    assert drawn(ck.layer(lambda x: x.transpose(0, 1)), 5, 8).shape == (5, None, 8)


def test_dtype_comes_from_call():
    assert drawn(ck.layer(lambda x: x > 0), 3).dtype == torch.bool


def test_structure_comes_from_call():
    specs = infer(ck.layer(lambda x: {"a": x, "b": (x, x)}), (ck.Input(shape=(3,)),), {})

    assert specs == {"a": Spec((None, 3), torch.float32), "b": (Spec((None, 3), torch.float32),) * 2}


def test_constant_arguments_take_part():
    class Shift(ck.Layer):
        def call(self, inputs, offset):
            return inputs + offset

    assert Shift()(ck.Input(shape=(3,)), torch.ones(5, 1, 1)).shape == (5, None, 3)


def test_batch_norm_state_is_untouched():
    module = nn.BatchNorm1d(3)
    layer = ck.layer(module).train()

    drawn(layer, 3)

    assert (module.num_batches_tracked.item(), module.running_mean.tolist()) == (0, [0.0] * 3)


def test_random_numbers_are_not_drawn():
    layer = ck.layer(nn.Dropout(0.5)).train()
    before = torch.get_rng_state()

    drawn(layer, 3)

    assert torch.equal(torch.get_rng_state(), before)


def test_own_state_is_untouched():
    class Counter(ck.Layer):
        def build(self, input_shape):
            self.count = self.add_weight(initializer=torch.nn.init.zeros_, trainable=False)

        def call(self, inputs):
            self.count.add_(1)
            return inputs

    layer = Counter()
    drawn(layer, 3)

    assert layer.count.item() == 0.0


def test_weights_made_while_drawing_are_real(parts):
    class Outer(ck.Layer):
        def __init__(self):
            super().__init__()
            self.inner = parts.Affine(2)

        def call(self, inputs):
            return self.inner(inputs)

    layer = Outer()
    drawn(layer, 3)

    assert [weight.device.type for weight in layer.weights] == ["cpu", "cpu"]


# Calls that cannot run so


class Branches(ck.Layer):
    def call(self, inputs):
        if inputs.sum() > 0:
            return inputs
        return -inputs


class Counts(ck.Layer):
    def call(self, inputs):
        return inputs * int(inputs.max().item())


class Numbers(ck.Layer):
    def call(self, inputs):
        return torch.as_tensor(np.tanh(inputs.numpy()))


@pytest.mark.parametrize(
    ("layer", "line"),
    [
        (Branches, "if inputs.sum() > 0:"),
        (Counts, "return inputs * int(inputs.max().item())"),
        (Numbers, "return torch.as_tensor(np.tanh(inputs.numpy()))"),
    ],
)
def test_call_on_values_names_its_line(layer, line):
    with pytest.raises(
        LayerError, match=r"cannot take an input of shape \(batch, 3\) while the model is drawn"
    ) as raised:
        drawn(layer(name="mine"), 3)

    text = str(raised.value)
    assert f'layer "mine" ({layer.__name__})' in text
    assert f"({line})" in text
    assert "test_inference.py:" in text
    assert "def compute_output_shape(self, input_shape): return" in text


def test_call_on_values_is_drawn_once_it_declares():
    class Declares(Branches):
        def compute_output_shape(self, input_shape):
            return input_shape

    x = ck.Input(shape=(3,))

    assert ck.Model(x, Declares()(x))(-torch.ones(1, 3)).tolist() == [[1.0] * 3]


def test_wrong_size_is_told_with_the_shape():
    with pytest.raises(LayerError, match=r'layer "linear" \(TorchLayer\) cannot take an input of shape \(batch, 3\)'):
        drawn(ck.layer(nn.Linear(5, 2)), 3)


def test_error_of_call_is_the_cause():
    with pytest.raises(LayerError) as raised:
        drawn(Counts(), 3)

    assert isinstance(raised.value.__cause__, RuntimeError)


def test_corekit_errors_pass_as_they_are():
    class Refuses(ck.Layer):
        def call(self, inputs):
            raise ShapeError("mine alone")

    with pytest.raises(ShapeError, match=r"^mine alone$"):
        drawn(Refuses(), 3)
