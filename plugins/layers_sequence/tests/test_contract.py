"""What every layer of this distribution promises. Layer by layer facts are in the other files."""

import copy
import json

import pytest
import torch

import corekit
from corekit.registry import registry


def assert_equal(one, other):
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def own_layers():
    return [c for c in registry.components("layers") if c.distribution == "corekit-layers-sequence"]


def test_every_layer_has_a_case(cases):
    assert set(cases) == {component.name for component in own_layers()}


@pytest.mark.parametrize("component", own_layers(), ids=lambda c: c.name)
def test_layer_explains_itself(component):
    text = component.load().__doc__

    assert component.load().__name__ == component.name
    assert all(word in text for word in ("Shape:", "Args:", "Example:", "Reference: https://keras.io/api/"))


def test_layer_config_rebuilds_an_equal_layer(case):
    layer = case.built()
    again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    case.run(again, case.inputs())
    again.set_weights(layer.get_weights())

    assert_equal(case.run(again, case.inputs()), case.run(layer, case.inputs()))


def test_layer_keeps_base_arguments(first_case):
    cls = type(first_case.make())
    config = {**first_case.make().get_config(), "name": "mine", "dtype": "float64", "trainable": False}

    layer = cls.from_config(config)

    assert (layer.name, layer.dtype, layer.trainable) == ("mine", torch.float64, False)


def test_layer_refuses_unknown_arguments(first_case):
    config = {**first_case.make().get_config(), "colour": 1}

    with pytest.raises(TypeError, match=f"{first_case.name}.*colour.*no such argument"):
        type(first_case.make()).from_config(config)


def test_output_shape_is_foretold(case):
    layer = case.built()
    if case.call.startswith("return_attention_scores"):
        pytest.skip("the shape of the scores is inferred")

    foretold = layer.compute_output_shape(*case.shapes)

    shapes = [tuple(output.shape) for output in case.run(layer, case.inputs())]
    assert (list(foretold) if isinstance(foretold[0], tuple) else [foretold]) == shapes


def test_symbolic_call_gives_the_real_shape(case):
    layer = case.make()
    if "initial_state" in case.call:
        pytest.skip("a tensor of fixed batch size is no part of a drawn model")

    outputs = case.run(layer, [corekit.Input(shape=shape[1:]) for shape in case.shapes])

    shapes = [(None, *output.shape[1:]) for output in case.run(layer, case.inputs())]
    assert [tuple(output.shape) for output in outputs] == shapes
    assert [output.dtype for output in outputs] == [torch.float32] * len(outputs)


def test_layer_runs_on_meta(first_case):
    layer = first_case.make()

    outputs = first_case.run(layer, [x.to("meta") for x in first_case.inputs()])

    assert outputs[0].device.type == "meta"
    assert all(weight.device.type == "cpu" for weight in layer.weights)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
def test_layer_keeps_the_dtype(first_case, dtype, training):
    layer = first_case.built(dtype)

    assert first_case.run(layer, first_case.inputs(dtype), training=training)[0].dtype == dtype


def test_gradients_are_right_in_float64(case):
    layer = case.built(torch.float64).train()
    if "initial_state" in case.call:
        pytest.skip("its initial state is float32")
    inputs = [x.requires_grad_() if x.is_floating_point() else x for x in case.inputs(torch.float64)]
    weights = dict(layer.named_parameters())

    def call(*tensors):
        torch.manual_seed(0)
        given = dict(zip(weights, tensors[len(inputs) :], strict=True))
        outputs = torch.func.functional_call(layer, given, tuple(tensors[: len(inputs)]), case.keywords())
        layer.clear_losses()
        return outputs

    assert torch.autograd.gradcheck(call, (*inputs, *weights.values()), fast_mode=True)


@pytest.mark.parametrize("batch", [0, 1])
def test_layer_takes_a_batch_of(first_case, batch):
    layer = first_case.built()

    outputs = first_case.run(layer, first_case.inputs(batch=batch), training=True)

    assert outputs[0].shape[0] == batch


def test_layer_takes_non_contiguous_input(case):
    layer = case.built()
    scattered = [torch.stack([x, x], dim=-1)[..., 0] for x in case.inputs()]

    assert_equal(case.run(layer, scattered), case.run(layer, case.inputs()))


def test_layer_leaves_its_input_alone(case):
    inputs = case.inputs()

    case.run(case.built(), inputs, training=True)

    assert_equal(inputs, case.inputs())


def test_copy_is_equal_and_independent(case):
    layer = case.built()
    before = case.run(layer, case.inputs())
    layer.clear_losses()
    twin = copy.deepcopy(layer)

    for weight in layer.weights:
        weight.data.zero_()

    assert_equal(case.run(twin, case.inputs()), before)


def test_state_dict_restores_the_layer(case):
    layer, other = case.built(), case.make()
    case.run(other, case.inputs())

    other.load_state_dict(layer.state_dict())

    assert_equal(case.run(other, case.inputs()), case.run(layer, case.inputs()))


def test_weights_keep_their_strides(first_case):
    layer, other = first_case.built(), first_case.make()
    first_case.run(other, first_case.inputs())
    strides = [weight.stride() for weight in layer.weights]

    copied = [weight.stride() for weight in copy.deepcopy(layer).weights]
    other.load_state_dict(layer.state_dict())
    loaded = [weight.stride() for weight in other.weights]
    moved = [weight.stride() for weight in layer.to(torch.float64).to(torch.float32).weights]

    assert copied == loaded == moved == strides


def test_gradients_have_the_weights_strides(first_case):
    layer = first_case.built()
    outputs = first_case.run(layer, first_case.inputs())

    weights = layer.trainable_weights
    gradients = torch.autograd.grad(outputs[0].square().sum(), weights) if weights else ()

    assert [gradient.stride() for gradient in gradients] == [weight.stride() for weight in weights]


def test_layer_runs_in_autocast(case):
    with torch.autocast("cpu", torch.bfloat16):
        outputs = case.run(case.built(), case.inputs(), training=True)

    assert outputs[0].is_floating_point()


# Compiled and exported


def gradients_of(call, layer, case, **keywords):
    outputs = call(*case.inputs(), **case.keywords(), **keywords)
    total = sum(y.square().sum() for y in (outputs if isinstance(outputs, tuple) else [outputs]))
    return (total, *torch.autograd.grad(total, layer.trainable_weights)) if layer.trainable_weights else total


def test_layer_compiles_without_a_break(first_case):
    layer = first_case.built().train()
    torch._dynamo.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")

    found = gradients_of(compiled, layer, first_case)

    assert_equal(found, gradients_of(layer, layer, first_case))


def test_layer_exports_with_a_dynamic_batch(first_case):
    layer = first_case.built()
    batch = {0: torch.export.Dim("batch")}
    inputs = tuple(first_case.inputs(batch=4))

    program = torch.export.export(layer, inputs, dynamic_shapes=tuple([batch] * len(inputs)))

    more = first_case.inputs(batch=7)
    assert_equal([program.module()(*more)], first_case.run(layer, more))
