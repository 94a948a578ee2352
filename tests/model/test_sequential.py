"""Layers in a row."""

import copy
import pickle

import pytest
import torch
from torch import nn

import corekit as ck
from corekit.errors import ArgumentError, ArgumentTypeError, LayerError, ShapeError, StateError
from corekit.model import sequential


def test_row_feeds_each_layer_with_the_one_before(parts):
    first, second = parts.Affine(3, torch.tanh), parts.Affine(2)
    model = ck.Sequential([first, second])
    x = torch.randn(5, 4)

    assert torch.equal(model(x), second(first(x)))


def test_input_builds_at_once(parts):
    model = ck.Sequential([ck.Input(shape=(4,)), parts.Affine(3), parts.Affine(2)])

    assert (model.built, model.count_params()) == (True, 4 * 3 + 3 + 3 * 2 + 2)


def test_input_shape_builds_at_once(parts):
    model = ck.Sequential([parts.Affine(3, input_shape=(4,)), parts.Affine(2)])

    assert model.layers[1].kernel.shape == (3, 2)


def test_input_shape_may_be_a_number(parts):
    assert ck.Sequential([parts.Affine(3, input_shape=4)]).layers[0].kernel.shape == (4, 3)


def test_row_without_a_shape_is_built_by_its_first_call(parts):
    model = ck.Sequential([parts.Affine(3)])
    before = model.built

    model(torch.ones(5, 4))

    assert (before, model.built, model.layers[0].kernel.shape) == (False, True, (4, 3))


def test_called_row_is_drawn(parts):
    model = ck.Sequential([parts.Affine(3)])

    model(torch.ones(5, 4))

    assert (model.input.shape, model.output.shape) == ((None, 4), (None, 3))


def test_build_takes_a_shape(parts):
    model = ck.Sequential([parts.Affine(3)])

    model.build((None, 4))

    assert (model.built, model.layers[0].kernel.shape) == (True, (4, 3))


def test_empty_row_gives_its_input():
    assert ck.Sequential()(torch.ones(2)).tolist() == [1.0, 1.0]


def test_open_axes_stay_open(parts):
    model = ck.Sequential([ck.Input(shape=(None, 4)), parts.Affine(3)])

    assert model.output.shape == (None, None, 3)


def test_input_dtype_is_kept(parts):
    model = ck.Sequential([ck.Input(shape=(4,), dtype="float64"), parts.Affine(3, dtype="float64")])

    assert model.output.dtype == torch.float64


# What may stand in the row


def test_row_takes_whatever_can_act_as_a_layer(parts):
    ck.register(parts.Affine)
    row = [
        ck.Input(shape=(4,)), {"id": "local:Affine", "config": {"units": 6}}, torch.relu, nn.Linear(6, 3), nn.ReLU,
        lambda x: x + 1, "Merging",
    ]  # fmt: skip

    @ck.register
    class Merging(ck.Layer):
        def call(self, inputs):
            return inputs.sum(dim=-1)

    model = ck.Sequential(row)

    assert model(torch.ones(5, 4)).shape == (5,)


def test_row_may_be_a_generator(parts):
    model = ck.Sequential(parts.Affine(2) for _ in range(3))

    assert len(copy.deepcopy(model).layers) == 3


def test_models_nest(parts):
    inner = ck.Sequential([parts.Affine(3), parts.Affine(2)], name="inner")
    model = ck.Sequential([ck.Input(shape=(4,)), inner, parts.Affine(1)])

    assert (inner.built, model(torch.ones(5, 4)).shape) == (True, (5, 1))
    assert next(iter(model.named_weights())) == "inner.affine.kernel"


def test_repeated_layer_shares_its_weights(parts):
    layer = parts.Affine(4)
    model = ck.Sequential([ck.Input(shape=(4,)), layer, layer])
    x = torch.randn(2, 4)

    assert torch.equal(model(x), layer(layer(x)))
    assert ([part is layer for part in model.layers], len(model.weights)) == ([True, True], 2)


def test_several_outputs_go_to_the_next_layer(parts):
    model = ck.Sequential([ck.Input(shape=(4,)), parts.Split(), parts.Merge()])

    assert model(torch.ones(1, 4)).tolist() == [[5.0] * 4]


@pytest.mark.parametrize("given", [3, "Dense", {"id": "Dense"}, torch.relu])
def test_row_must_be_a_list(given):
    with pytest.raises(ArgumentTypeError, match=r"expected a list. Write Sequential\(\["):
        ck.Sequential(given)


def test_thing_that_is_no_layer_is_told():
    with pytest.raises(ArgumentTypeError, match=r"3 \(int\) cannot act as a layer"):
        ck.Sequential([3])


@pytest.mark.parametrize("place", [1, 2])
def test_input_stands_first_only(parts, place):
    row = [ck.Input(shape=(4,)), parts.Affine(3)]
    row.insert(place, ck.Input(shape=(4,)))

    with pytest.raises(ArgumentError, match='"digits": an Input can only stand first'):
        ck.Sequential(row, name="digits")


# Adding and taking off


def test_added_layer_is_built(parts):
    model = ck.Sequential([ck.Input(shape=(4,)), parts.Affine(3)])

    model.add(parts.Affine(2))

    assert (model.output.shape, model(torch.ones(5, 4)).shape) == ((None, 2), (5, 2))


def test_row_grows_from_nothing(parts):
    model = ck.Sequential()
    model.add(ck.Input(shape=(4,)))
    model.add(parts.Affine(3))
    model.add(parts.Affine(2))

    assert [layer.kernel.shape for layer in model.layers] == [(4, 3), (3, 2)]


def test_adding_keeps_earlier_weights(parts):
    model = ck.Sequential([parts.Affine(3, input_shape=(4,))])
    kernel = model.layers[0].kernel

    model.add(parts.Affine(2))

    assert model.layers[0].kernel is kernel


def test_row_grows_after_its_first_call(parts):
    model = ck.Sequential([parts.Affine(3)])
    model(torch.ones(5, 4))

    model.add(parts.Affine(2))

    assert model.layers[1].kernel.shape == (3, 2)


def test_pop_returns_the_last_layer(parts):
    first, last = parts.Affine(3), parts.Affine(2)
    model = ck.Sequential([ck.Input(shape=(4,)), first, last])

    assert model.pop() is last
    assert (model.layers, model.output.shape, len(model.weights)) == ([first], (None, 3), 2)


def test_popped_name_is_free_again(parts):
    model = ck.Sequential([ck.Input(shape=(4,)), parts.Affine(3, name="head")])

    model.pop()
    model.add(parts.Affine(2, name="head"))

    assert model(torch.ones(1, 4)).shape == (1, 2)


def test_pop_of_a_repeated_layer_keeps_the_other(parts):
    layer = parts.Affine(4)
    model = ck.Sequential([ck.Input(shape=(4,)), layer, layer])

    model.pop()

    assert (model.layers == [layer], len(model.weights)) == (True, 2)


def test_pop_of_an_empty_row_is_told():
    with pytest.raises(StateError, match='"digits" has no layer to take off'):
        ck.Sequential(name="digits").pop()


# Errors between layers


def test_shape_error_names_layers_and_shapes(parts):
    with pytest.raises(ShapeError) as raised:
        ck.Sequential([ck.Input(shape=(4, 5)), parts.Affine(3, name="wide"), parts.Declared(2)], name="digits")

    first = str(raised.value).splitlines()[0]
    assert 'in Sequential "digits", layer 2 ("declared", Declared) cannot take what layer 1 ("wide") gives' in first
    assert "(batch, 4, 3)" in first
    assert "Declared expects (batch, features)" in str(raised.value)


def test_shape_error_names_the_input(parts):
    with pytest.raises(ShapeError, match=r'layer 1 \("declared", Declared\) cannot take what the input gives'):
        ck.Sequential([ck.Input(shape=(4, 5)), parts.Declared(2)])


def test_shape_error_comes_at_the_first_call_too(parts):
    with pytest.raises(ShapeError, match="cannot take what the input gives"):
        ck.Sequential([parts.Declared(2)])(torch.ones(2, 4, 5))


def test_module_of_another_size_is_told(parts):
    with pytest.raises(LayerError) as raised:
        ck.Sequential([ck.Input(shape=(4,)), parts.Affine(3), nn.Linear(5, 2)], name="digits")

    first = str(raised.value).splitlines()[0]
    assert 'in Sequential "digits", layer 2 ("linear", TorchLayer), which gets (batch, 3) from layer 1' in first


def test_missing_build_is_taught_in_a_row():
    class Unmade(ck.Layer):
        def call(self, inputs):
            return inputs @ self.kernel

    with pytest.raises(LayerError, match=r'layer 1 \("unmade", Unmade\).*has no build method'):
        ck.Sequential([ck.Input(shape=(4,)), Unmade()])


# Layers that need real values


def test_layer_with_real_values_is_built_by_a_call(parts):
    model = ck.Sequential([parts.Affine(3), parts.Eager()])

    result = model(torch.ones(5, 4))

    assert (model.built, model.graph, result.shape) == (True, None, (5, 3))


def test_layer_with_real_values_cannot_be_drawn(parts):
    with pytest.raises(LayerError, match="compute_output_shape"):
        ck.Sequential([ck.Input(shape=(4,)), parts.Eager()])


def test_failed_call_with_real_values_is_the_cause(parts):
    with pytest.raises(LayerError, match='"eager"') as raised:
        ck.Sequential([parts.Eager(), nn.Linear(5, 2)])(torch.ones(2, 4))

    assert "mat1 and mat2 shapes cannot be multiplied (2x4 and 5x2)" in str(raised.value.__cause__)


# Copies


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copy_of_200_layers_computes_the_same(parts, copied):
    model = ck.Sequential([ck.Input(shape=(2,)), *(parts.Affine(2, torch.tanh) for _ in range(200))])
    x = torch.randn(3, 2)

    twin = copied(model)

    assert torch.equal(twin(x), model(x))
    assert twin.layers[0].kernel is not model.layers[0].kernel


def test_copy_grows_on_its_own(parts):
    model = ck.Sequential([ck.Input(shape=(2,)), parts.Affine(3)])
    twin = copy.deepcopy(model)

    twin.add(parts.Affine(4))

    assert (twin(torch.ones(1, 2)).shape, model(torch.ones(1, 2)).shape) == ((1, 4), (1, 3))


# The last activation


def test_logits_leave_out_the_last_activation(parts):
    model = ck.Sequential([ck.Input(shape=(2,)), parts.Affine(3, torch.tanh), parts.Affine(3, torch.sigmoid)])
    x = torch.randn(2, 2)

    assert model.link_activation is torch.sigmoid
    assert torch.equal(torch.sigmoid(model.logits(x)), model(x))


@pytest.mark.parametrize("hook", ["register_forward_hook", "register_forward_pre_hook"])
def test_watched_last_layer_offers_no_logits(parts, hook):
    model = ck.Sequential([ck.Input(shape=(2,)), parts.Affine(3, torch.sigmoid)])

    getattr(model.layers[-1], hook)(lambda *args: None)

    assert model.link_activation is None


def test_empty_row_has_no_last_activation():
    assert ck.Sequential().link_activation is None


# Many layers


def test_adding_a_layer_draws_only_that_layer(parts, monkeypatch):
    model = ck.Sequential([ck.Input((2,))])
    traced: list[int] = []
    trace = sequential.trace
    monkeypatch.setattr(sequential, "trace", lambda *ends: traced.append(1) or trace(*ends))

    for _ in range(5):
        model.add(parts.Affine(2))

    assert not traced
    assert len(model.graph.steps) == 5
    assert model.graph is model.graph
    assert len(traced) == 1


def test_names_go_on_after_pop(parts):
    model = ck.Sequential([ck.Input((2,)), *(parts.Affine(2) for _ in range(3))])

    model.pop()
    model.add(parts.Affine(2))

    assert [layer.name for layer in model.layers] == ["affine", "affine_1", "affine_2"]


def test_copy_of_a_row_that_nobody_looked_at_is_drawn(parts):
    model = ck.Sequential([ck.Input((2,)), parts.Affine(2)])

    twin = copy.deepcopy(model)
    twin.add(parts.Affine(3))

    assert twin.output.shape == (None, 3)
    assert len(model.layers) == 1
