"""A layer's weights: making them, views of them, freezing. Penalties: test_layer_losses.py."""

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError, ArgumentTypeError, ShapeError

ZEROS = torch.nn.init.zeros_
ONES = torch.nn.init.ones_


def make(**weights):
    """Return a built layer with weights of these arguments, named by keyword."""

    class Made(ck.Layer):
        def build(self, input_shape):
            for name, given in weights.items():
                setattr(self, name, self.add_weight(name=name, **{"initializer": ONES, **given}))

        def call(self, inputs):
            return inputs

    layer = Made()
    layer.build((None, 2))
    return layer


class Affine(ck.Layer):
    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units), initializer=ONES)
        self.mean = self.add_weight(name="mean", shape=(self.units,), initializer=ZEROS, trainable=False)
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer=ZEROS)

    def call(self, inputs):
        return inputs @ self.kernel + self.bias


class Stack(ck.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = Affine(3), Affine(1)

    def call(self, inputs):
        return self.second(self.first(inputs))


def built(layer):
    layer(torch.ones(2, 4))
    return layer


# Making


def test_trainable_weight_is_a_parameter():
    layer = make(kernel={"shape": (2, 3)})

    assert isinstance(layer.kernel, torch.nn.Parameter)
    assert layer.kernel.shape == (2, 3)


def test_other_weight_is_a_buffer():
    layer = make(mean={"shape": (3,), "trainable": False})

    assert list(dict(layer.named_buffers())) == ["mean"]
    assert list(layer.parameters()) == []


def test_whole_number_weight_is_a_buffer():
    layer = make(steps={"shape": (), "dtype": "int64", "initializer": ZEROS})

    assert (layer.steps.dtype, list(layer.parameters())) == (torch.int64, [])


def test_shape_defaults_to_a_scalar():
    assert make(gain={}).gain.shape == ()


def test_dtype_defaults_to_the_layers():
    layer = Affine(dtype="float16")
    layer.build((None, 2))

    assert layer.kernel.dtype == torch.float16


def test_own_dtype_wins():
    assert make(gain={"dtype": "float64"}).gain.dtype == torch.float64


def test_initializer_of_a_wrong_shape_is_told():
    with pytest.raises(ShapeError, match=r'initializer of "kernel" gave \(1,\), expected \(2, 3\)'):
        make(kernel={"shape": (2, 3), "initializer": lambda shape, dtype: torch.zeros(1)})


def test_positional_name_is_refused():
    with pytest.raises(ArgumentTypeError, match=r'self.add_weight\(name="kernel"'):
        ck.Layer().add_weight("kernel", (2, 3))


def test_open_axis_is_refused():
    with pytest.raises(ArgumentTypeError, match=r'"kernel" cannot have shape \(None, 3\)'):
        make(kernel={"shape": (None, 3)})


def test_second_weight_of_a_name_is_refused():
    layer = make(kernel={})

    with pytest.raises(ArgumentError, match="it has something of that name already"):
        layer.add_weight(name="kernel", initializer=ONES)


def test_none_from_init_makes_way():
    class Late(ck.Layer):
        def __init__(self):
            super().__init__()
            self.bias = None

        def build(self, input_shape):
            self.bias = self.add_weight(name="bias", shape=(2,), initializer=ONES)

    layer = Late()
    layer.build((None, 2))

    assert layer.bias.tolist() == [1.0, 1.0]


# Names


def test_nameless_weight_is_called_by_its_attribute():
    class Nameless(ck.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(2,), initializer=ONES)
            self.mean = self.add_weight(shape=(2,), initializer=ZEROS, trainable=False)

    layer = Nameless()
    layer.build((None, 2))

    assert list(layer.state_dict()) == ["kernel", "mean"]


def test_weights_in_a_list_have_numbers():
    class Listed(ck.Layer):
        def build(self, input_shape):
            self.all = [self.add_weight(shape=(size,), initializer=ONES) for size in (1, 2)]

    layer = Listed()
    layer.build((None, 2))

    assert list(layer.state_dict()) == ["weight_0", "weight_1"]


def test_buffer_under_another_attribute_moves_along():
    class Counts(ck.Layer):
        def build(self, input_shape):
            self.count = self.add_weight(name="calls", initializer=ZEROS, trainable=False)

        def call(self, inputs):
            self.count.add_(1)
            return inputs

    layer = Counts()
    layer(torch.ones(2))
    layer.double()
    layer(torch.ones(2))

    assert (layer.count.item(), layer.count.dtype) == (2.0, torch.float64)


def test_parameter_under_another_attribute_counts_once():
    class Aliased(ck.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(name="kernel", shape=(2,), initializer=ONES)

    layer = Aliased()
    layer.build((None, 2))

    assert (list(layer.named_weights()), layer.count_params()) == (["kernel"], 2)


def test_penalty_follows_a_renamed_weight():
    class Renamed(ck.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(2,), initializer=ONES, regularizer=torch.sum)

    layer = Renamed()
    layer.build((None, 2))

    assert [loss.item() for loss in layer.losses] == [2.0]


# Views


def test_weights_come_layer_by_layer_trainable_first():
    layer = built(Stack())

    assert list(layer.named_weights()) == [
        "first.kernel", "first.bias", "first.mean", "second.kernel", "second.bias", "second.mean",
    ]  # fmt: skip


def test_trainable_and_other_weights_are_apart():
    layer = built(Affine())

    assert [id(w) for w in layer.trainable_weights] == [id(layer.kernel), id(layer.bias)]
    assert [id(w) for w in layer.non_trainable_weights] == [id(layer.mean)]


def test_keras_calls_weights_variables():
    layer = built(Affine())

    assert [id(w) for w in layer.variables] == [id(w) for w in layer.weights]


def test_shared_layer_has_its_weights_once():
    class Twice(ck.Layer):
        def __init__(self):
            super().__init__()
            self.one = self.other = Affine(4)

        def call(self, inputs):
            return self.other(self.one(inputs))

    assert list(built(Twice()).named_weights()) == ["one.kernel", "one.bias", "one.mean"]


def test_metric_state_is_no_weight():
    class Gap(ck.Metric):
        def call(self, y_true, y_pred):
            return y_pred - y_true

    layer = built(Affine())
    layer.gap = Gap()

    assert list(layer.named_weights()) == ["kernel", "bias", "mean"]
    assert "gap.total" in layer.state_dict()


def test_transient_buffer_is_no_weight():
    layer = built(Affine())
    layer.register_buffer("cache", torch.zeros(3), persistent=False)

    assert "cache" not in layer.named_weights()


def test_params_are_counted():
    assert built(Stack()).count_params() == (4 * 3 + 3 + 3) + (3 * 1 + 1 + 1)


def test_get_weights_gives_copies():
    layer = built(Affine())

    layer.get_weights()[0][:] = 5.0

    assert layer.kernel.max().item() == 1.0


def test_bfloat16_weights_come_as_float32():
    layer = Affine(dtype="bfloat16")
    layer.build((None, 4))

    assert [array.dtype for array in layer.get_weights()] == [np.float32] * 3


def test_set_weights_fills_in_order():
    layer = built(Affine())

    layer.set_weights([np.full((4, 2), 3.0), np.full(2, 4.0), np.full(2, 5.0)])

    assert [w.unique().tolist() for w in (layer.kernel, layer.bias, layer.mean)] == [[3.0], [4.0], [5.0]]


def test_set_weights_takes_another_layers_tensors():
    layer, twin = built(Affine()), built(Affine())
    with torch.no_grad():
        layer.kernel.uniform_()

    twin.set_weights(layer.weights)

    assert torch.equal(twin.kernel, layer.kernel)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([np.zeros((4, 2))], '"affine" has 3 weights, got 1'),
        ([np.zeros((4, 2)), np.zeros(2), np.zeros(3)], r'weight 2 of "affine" is \(2,\), got \(3,\)'),
    ],
)
def test_wrong_set_weights_change_nothing(given, words):
    layer = built(Affine())

    with pytest.raises(ShapeError, match=words):
        layer.set_weights(given)

    assert layer.kernel.min().item() == 1.0


def test_set_weights_before_building_is_told():
    with pytest.raises(ShapeError, match="affine is not built yet: call it, or give it an input_shape"):
        Affine().set_weights([np.zeros((4, 2))])


# Freezing


def test_frozen_layer_has_no_trainable_weights():
    layer = built(Stack())

    layer.trainable = False

    assert (layer.trainable_weights, layer.first.trainable) == ([], False)


def test_thawed_layer_trains_again():
    layer = built(Stack())

    layer.trainable = False
    layer.trainable = True

    assert len(layer.trainable_weights) == 4


def test_layer_frozen_before_building_stays_frozen():
    assert built(Affine(trainable=False)).trainable_weights == []


def test_layers_inside_a_frozen_one_are_frozen():
    layer = built(Stack(trainable=False))

    assert (layer.trainable_weights, layer.second.trainable) == ([], False)


def test_layers_made_by_a_frozen_build_are_frozen():
    class Late(ck.Layer):
        def build(self, input_shape):
            self.inner = Affine()
            self.inner.build(input_shape)

    layer = Late(trainable=False)
    layer.build((None, 4))

    assert layer.trainable_weights == []
