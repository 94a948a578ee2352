"""Drawn models: structures of inputs and outputs, sharing, nesting, drawing on, memory."""

import copy
import gc
import pickle
import weakref

import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError


def two_inputs(form):
    """Return a model of a (2 features) minus twice b, with its inputs in a list or a dict."""
    a, b = ck.Input(shape=(2,), name="a"), ck.Input(shape=(2,), name="b")
    return ck.Model([a, b] if form == "list" else {"a": a, "b": b}, a - 2 * b)


A, B = torch.ones(1, 2), torch.full((1, 2), 3.0)


# Structures


@pytest.mark.parametrize("form", ["list", "dict"])
@pytest.mark.parametrize("given", [[A, B], (A, B), {"a": A, "b": B}, {"b": B, "a": A, "unused": A}])
def test_inputs_come_as_list_or_dict(form, given):
    assert two_inputs(form)(given).tolist() == [[-5.0, -5.0]]


@pytest.mark.parametrize("form", ["list", "dict"])
def test_missing_input_is_named(form):
    with pytest.raises(ArgumentError, match="inputs are a, b; missing from the dict: b"):
        two_inputs(form)({"a": A})


@pytest.mark.parametrize("form", ["list", "dict"])
@pytest.mark.parametrize("given", [A, [A], [A, B, A]])
def test_wrong_number_of_inputs_is_told(form, given):
    with pytest.raises(ArgumentError, match=r"the model has 2 inputs \(a, b\), got [13]") as raised:
        two_inputs(form)(given)

    assert "a list of that many tensors, or a dict by name" in str(raised.value)


def test_second_input_of_a_plain_model_is_told():
    x = ck.Input(shape=(2,), name="pixels")

    with pytest.raises(ArgumentError, match=r"the model has 1 input \(pixels\), got 2. Give one tensor"):
        ck.Model(x, x * 2)([A, B])


@pytest.mark.parametrize("given", [A, [A], {"pixels": A}, {"pixels": A, "unused": B}])
def test_plain_model_takes_one_input_in_any_form(given):
    x = ck.Input(shape=(2,), name="pixels")

    assert ck.Model(x, x * 2)(given).tolist() == [[2.0, 2.0]]


def test_outputs_may_be_a_list():
    x = ck.Input(shape=(2,))

    outputs = ck.Model(x, [x + 1, x * 5])(A)

    assert [output.tolist() for output in outputs] == [[[2.0, 2.0]], [[5.0, 5.0]]]


def test_outputs_may_be_a_dict():
    x = ck.Input(shape=(2,))

    outputs = ck.Model(x, {"more": x + 1, "many": x * 5})(A)

    assert {name: output.tolist() for name, output in outputs.items()} == {
        "more": [[2.0, 2.0]], "many": [[5.0, 5.0]],
    }  # fmt: skip


def test_layer_of_several_outputs_is_drawn(parts):
    x = ck.Input(shape=(2,))
    double, triple = parts.Split()(x)

    assert ck.Model(x, triple - double)(B).tolist() == [[3.0, 3.0]]


def test_input_may_be_an_output():
    x = ck.Input(shape=(2,))

    assert [output.tolist() for output in ck.Model(x, [x, x * 2])(A)] == [[[1.0, 1.0]], [[2.0, 2.0]]]


def test_unused_input_is_allowed():
    a, b = ck.Input(shape=(2,)), ck.Input(shape=(2,))

    assert ck.Model([a, b], a * 2)([A, B]).tolist() == [[2.0, 2.0]]


def test_numpy_inputs_are_taken():
    assert two_inputs("list")([A.numpy(), B.numpy()]).tolist() == [[-5.0, -5.0]]


# Sharing and nesting


def test_shared_layer_has_one_set_of_weights(parts):
    a, b = ck.Input(shape=(2,)), ck.Input(shape=(2,))
    shared = parts.Affine(3)
    model = ck.Model([a, b], shared(a) - shared(b))

    assert model([A, A]).tolist() == [[0.0] * 3]
    assert (model.layers, len(model.weights)) == ([shared], 2)


def test_models_nest(parts):
    x = ck.Input(shape=(2,))
    inner = ck.Model(x, parts.Affine(3)(x), name="inner")
    y = ck.Input(shape=(2,))
    outer = ck.Model(y, inner(y) + inner(2 * y))

    assert torch.equal(outer(B), inner(B) + inner(2 * B))
    assert list(outer.named_weights()) == ["inner.affine.kernel", "inner.affine.bias"]


def test_nested_model_takes_several_inputs():
    inner = two_inputs("dict")
    x = ck.Input(shape=(2,))

    outer = ck.Model(x, inner({"a": x, "b": x * 3}))

    assert outer(A).tolist() == [[-5.0, -5.0]]


def test_training_argument_of_a_drawn_call_is_kept(parts):
    x = ck.Input(shape=(100,))
    model = ck.Model(x, parts.Drop()(x, training=True))

    assert model(torch.ones(1, 100)).max().item() == 2.0


def test_layers_follow_the_models_training_flag(parts):
    x = ck.Input(shape=(100,))
    model = ck.Model(x, parts.Drop()(x))
    ones = torch.ones(1, 100)

    assert (model(ones).max().item(), model(ones, training=True).max().item()) == (1.0, 2.0)


# Drawing on


def test_drawing_goes_on_from_an_output(parts):
    x = ck.Input(shape=(2,))
    base = ck.Model(x, parts.Affine(3)(x))

    model = ck.Model(base.input, parts.Affine(1)(base.output))

    assert model(A).shape == (1, 1)
    assert base.layers[0] is model.layers[0]


def test_drawing_goes_on_from_a_layer(parts):
    model = ck.Sequential([ck.Input(shape=(2,)), parts.Affine(3, name="hidden"), parts.Affine(1)])

    features = ck.Model(model.inputs, model.get_layer("hidden").output)

    assert torch.equal(features(A), model.layers[0](A))


def test_models_input_is_the_one_it_was_drawn_from(parts):
    x = ck.Input(shape=(2,))
    hidden = parts.Affine(3)
    model = ck.Model(x, parts.Affine(1)(hidden(x)))

    assert (model.input is x, ck.Model(x, hidden.output)(A).shape) == (True, (1, 3))


def test_drawing_goes_on_from_a_copy(parts):
    x = ck.Input(shape=(2,))
    twin = copy.deepcopy(ck.Model(x, parts.Affine(3)(x)))

    model = ck.Model(twin.inputs, [*twin.outputs, twin.output * 2])

    assert torch.equal(model(A)[1], 2 * twin(A))


# Memory and copies


def test_values_are_freed_when_done_with():
    seen = {}

    class Note(ck.Layer):
        def call(self, inputs):
            gc.collect()
            seen[self.name] = {name: ref() is not None for name, ref in alive.items()}
            result = inputs + 1
            alive[self.name] = weakref.ref(result)
            return result

    x = ck.Input(shape=(2,))
    first, second, third = (Note(name=name) for name in ("first", "second", "third"))
    alive = {}
    model = ck.Model(x, third(second(first(x))))
    alive.clear()

    model(A)

    assert seen["third"] == {"first": False, "second": True}


def test_value_that_is_needed_again_is_kept():
    x = ck.Input(shape=(2,))
    first = x + 1

    assert ck.Model(x, (first * 2) * first)(A).tolist() == [[8.0, 8.0]]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copy_of_1000_calls_computes_the_same(copied):
    x = y = ck.Input(shape=(2,))
    for _ in range(1000):
        y = y * 0.99
    model = ck.Model(x, y)

    assert torch.equal(copied(model)(A), model(A))


def test_copy_shares_no_weights(parts):
    x = ck.Input(shape=(2,))
    model = ck.Model(x, parts.Affine(3)(x))

    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin.weights[0].zero_()

    assert model.weights[0].abs().min().item() > 0
    assert torch.equal(twin(A), twin.weights[1][None])


# The last activations


def test_link_activation_is_the_last_layers(parts):
    x = ck.Input(shape=(2,))
    model = ck.Model(x, parts.Affine(3, torch.sigmoid)(x))

    assert model.link_activation is torch.sigmoid
    assert torch.equal(torch.sigmoid(model.logits(A)), model(A))


def test_link_activations_are_one_for_each_output(parts):
    x = ck.Input(shape=(2,))
    model = ck.Model(x, [parts.Affine(3, torch.sigmoid)(x), x * 2])

    assert model.link_activation == [torch.sigmoid, None]
    assert torch.equal(model.logits(A)[1], model(A)[1])


def test_output_that_is_used_further_offers_no_logits(parts):
    x = ck.Input(shape=(2,))
    y = parts.Affine(3, torch.sigmoid)(x)

    assert ck.Model(x, [y, y * 2]).link_activation is None


def test_output_of_a_nested_model_offers_logits(parts):
    inner = ck.Sequential([ck.Input(shape=(2,)), parts.Affine(3, torch.sigmoid)])
    x = ck.Input(shape=(2,))
    model = ck.Model(x, inner(x))

    assert torch.equal(torch.sigmoid(model.logits(A)), model(A))


def test_own_call_offers_no_logits(parts):
    class Own(ck.Model):
        def call(self, inputs):
            return 2 * super().call(inputs)

    x = ck.Input(shape=(2,))

    assert Own(x, parts.Affine(3, torch.sigmoid)(x)).link_activation is None
