"""What every component of this distribution promises. Layer by layer facts are in the other files."""

import copy
import json

import pytest
import torch

import corekit
from corekit.registry import registry


def assert_equal(one, other):
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def leaves(value):
    return value if isinstance(value, list) else [value]


# Every component


def test_component_is_named_as_its_object(component):
    assert component.load().__name__ == component.name


@pytest.mark.parametrize("kind", ["layers", "activations", "initializers", "regularizers", "constraints"])
def test_every_component_has_a_case(kind, cases):
    names = {c.name for c in registry.components(kind) if c.distribution == "corekit-layers-basic"}

    assert set(cases[kind]) == names, f"conftest.py and pyproject.toml differ in {kind}"


def test_component_explains_itself(component):
    text = component.load().__doc__

    assert all(word in text for word in ("Example:", "Reference: https://keras.io/api/"))


def test_config_rebuilds_an_equal_object(weight_component, cases):
    kind, name = weight_component.kind, weight_component.name
    for arguments in cases[kind][name]:
        made = eval(f"cls({arguments})", {"cls": weight_component.load()})
        config = json.loads(json.dumps(made.get_config()))
        again = type(made).from_config(config)

        argument = (3, 3) if kind == "initializers" else torch.linspace(-1.0, 2.0, 12).reshape(3, 4)
        assert torch.equal(made(argument), again(argument))


def test_config_dict_makes_the_object(weight_component):
    made = getattr(corekit, weight_component.kind).get({"id": weight_component.id, "config": {}})

    assert type(made) is weight_component.load()


# Every layer


def test_layer_config_rebuilds_an_equal_layer(case):
    layer = case.built()
    again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    again(case.inputs())
    again.set_weights(layer.get_weights())

    assert_equal(again(case.inputs()), layer(case.inputs()))


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
    shape = case.shape

    assert layer.compute_output_shape(shape) == tuple(layer(case.inputs()).shape)


def test_output_shape_is_foretold_with_open_batch(case):
    layer = case.built()
    shape = [(None, *s[1:]) for s in case.shape] if case.is_list else (None, *case.shape[1:])

    assert layer.compute_output_shape(shape) == (None, *layer(case.inputs()).shape[1:])


def test_layer_runs_on_meta(case):
    layer = case.make()
    on_meta = [x.to("meta") for x in case.inputs()] if case.is_list else case.inputs().to("meta")

    output = layer(on_meta)

    assert output.device.type == "meta"
    assert all(weight.device.type == "cpu" for weight in layer.weights)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
def test_layer_keeps_the_dtype(first_case, dtype, training):
    layer = first_case.built(dtype)

    assert layer(first_case.inputs(dtype), training=training).dtype == dtype


def test_gradients_are_right_in_float64(case):
    layer = case.built(torch.float64).train()
    inputs = [x.requires_grad_() for x in leaves(case.inputs(torch.float64))]

    def call(*xs):
        torch.manual_seed(0)
        return layer(list(xs)) if case.is_list else layer(xs[0])

    assert torch.autograd.gradcheck(call, inputs, fast_mode=True)


@pytest.mark.parametrize("batch", [0, 1])
def test_layer_takes_a_batch_of(case, batch):
    layer = case.built()

    output = layer(case.inputs(batch=batch), training=True)

    assert output.shape[0] == batch
    assert all(torch.isfinite(weight).all() for weight in layer.weights)


def test_layer_takes_non_contiguous_input(case):
    layer = case.built()
    scattered = [torch.stack([x, x], dim=-1)[..., 0] for x in leaves(case.inputs())]

    assert_equal(layer(scattered if case.is_list else scattered[0]), layer(case.inputs()))


def test_layer_leaves_its_input_alone(case):
    inputs = case.inputs()

    case.built()(inputs, training=True)

    assert_equal(inputs, case.inputs())


def test_copy_is_equal_and_independent(case):
    layer = case.built()
    before = layer(case.inputs())
    layer.clear_losses()
    twin = copy.deepcopy(layer)

    for weight in layer.weights:
        weight.data.zero_()

    assert_equal(twin(case.inputs()), before)


def test_state_dict_restores_the_layer(case):
    layer, other = case.built(), case.make()
    other(case.inputs())

    other.load_state_dict(layer.state_dict())

    assert_equal(other(case.inputs()), layer(case.inputs()))


def test_layer_runs_in_autocast(case):
    layer = case.built()

    with torch.autocast("cpu", torch.bfloat16):
        output = layer(case.inputs(), training=True)

    assert output.is_floating_point()


def test_symbolic_call_gives_the_real_shape(case):
    layer = case.make()
    symbols = [corekit.Input(shape=shape[1:]) for shape in (case.shape if case.is_list else [case.shape])]

    output = layer(symbols if case.is_list else symbols[0])

    assert tuple(output.shape) == (None, *layer(case.inputs()).shape[1:])


# Compiled and exported


def test_layer_compiles_without_a_break(first_case):
    layer, compiled_layer = first_case.built().train(), first_case.built().train()
    torch._dynamo.reset()
    compiled = torch.compile(compiled_layer, fullgraph=True, backend="aot_eager")

    output = compiled(first_case.inputs())

    if not first_case.is_random:
        assert_equal(output, layer(first_case.inputs()))
    assert_equal(compiled_layer.state_dict(), layer.state_dict())


def test_layer_exports_with_a_dynamic_batch(first_case):
    layer = first_case.built()
    batch = {0: torch.export.Dim("batch")}
    shapes = [batch] * 2 if first_case.is_list else batch

    program = torch.export.export(layer, (first_case.inputs(batch=4),), dynamic_shapes=(shapes,))

    assert_equal(program.module()(first_case.inputs(batch=7)), layer(first_case.inputs(batch=7)))
