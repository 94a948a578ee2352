"""Numbers against Keras 3: equal to 1e-5, relative or absolute, which is float32 rounding in another order."""

import numpy as np
import pytest
import torch

import corekit

SCRIPT = """
from keras import activations, constraints, layers, regularizers

def parameters(arrays):
    return [torch.tensor(array, requires_grad=True) for array in arrays]

for i, (expression, is_list, num_inputs, num_weights, modes) in enumerate(LAYERS):
    for mode in modes:
        xs = parameters([globals()[f"{i}_x{k}"] for k in range(num_inputs)])
        layer = eval(expression)
        layer.build([tuple(x.shape) for x in xs] if is_list else tuple(xs[0].shape))
        layer.set_weights([globals()[f"{i}_w{k}"] for k in range(num_weights)])
        output = layer(xs if is_list else xs[0], training=mode)
        total = (output * torch.cos(torch.arange(output.numel()).reshape(output.shape))).sum()
        total = total + sum(layer.losses)
        if total.requires_grad:  # not after Dropout(1.0)
            total.backward()
        key = f"{i}_{mode}_"
        result[key + "output"] = output
        result[key + "loss"] = total
        for k, x in enumerate(xs):
            result[f"{key}input_{k}"] = torch.zeros_like(x) if x.grad is None else x.grad
        for k, weight in enumerate(layer.trainable_weights):
            result[f"{key}gradient_{k}"] = weight.value.grad
        for k, weight in enumerate(layer.weights):
            result[f"{key}weight_{k}"] = weight

for kind in ("activations", "regularizers"):
    for i, expression in enumerate(FUNCTIONS[kind]):
        (x,) = parameters([grid])
        y = eval(f"{kind}.{expression}")
        if y.requires_grad:  # not after L1L2()
            y.sum().backward()
        result[f"{kind}_{i}_value"] = y
        result[f"{kind}_{i}_gradient"] = torch.zeros_like(x) if x.grad is None else x.grad
for i, expression in enumerate(FUNCTIONS["constraints"]):
    x = torch.tensor(grid)
    result[f"constraints_{i}_value"] = eval(f"constraints.{expression}")

bn = layers.BatchNormalization(momentum=0.8)
for batch in batches:
    bn(torch.tensor(batch), training=True)
result["bn_mean"], result["bn_variance"] = bn.moving_mean, bn.moving_variance
result["bn_inference"] = bn(torch.tensor(batches[0]))
"""

# Rows of ordinary size, then extreme ones.
GRID = np.concatenate([np.linspace(-7, 7, 56).reshape(8, 7), [[-1e4, -100, -20.5, 0, 20.5, 88, 1e4]]]).astype("float32")
BATCHES = np.random.default_rng(0).normal(3.0, 2.0, (4, 10, 5)).astype("float32")


@pytest.fixture(scope="module")
def functions(cases):
    """Return, for each kind of function, its calls on a tensor `x`."""
    calls = {
        "activations": [
            f"{name}(x{', ' * bool(arguments)}{arguments})"
            for name, all_arguments in cases["activations"].items()
            for arguments in all_arguments
        ]
    }
    for kind in ("regularizers", "constraints"):
        calls[kind] = [f"{name}({arguments})(x)" for name, every in cases[kind].items() for arguments in every]
    return calls


@pytest.fixture(scope="module")
def keras(keras_oracle, all_layer_cases, functions):
    """Return what Keras says to all cases: its start takes seconds, so it is asked once."""
    layers, arrays = [], {"grid": GRID, "batches": BATCHES}
    for i, case in enumerate(all_layer_cases):
        inputs = case.inputs() if case.is_list else [case.inputs()]
        weights = case.built().get_weights()
        arrays |= {f"{i}_x{k}": x.numpy() for k, x in enumerate(inputs)}
        arrays |= {f"{i}_w{k}": weight for k, weight in enumerate(weights)}
        modes = [False] if case.is_random else [False, True]
        layers.append([case.expression, case.is_list, len(inputs), len(weights), modes])
    return keras_oracle(f"LAYERS = {layers!r}\nFUNCTIONS = {functions!r}\n{SCRIPT}", **arrays)


def assert_close(ours, keras, what):
    np.testing.assert_allclose(np.asarray(ours), keras, rtol=1e-5, atol=1e-5, err_msg=what)


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_layer_matches_keras(case, training, keras, all_layer_cases):
    if case.is_random and training:
        pytest.skip("its output is random")
    layer = case.built()
    inputs = [x.requires_grad_() for x in (case.inputs() if case.is_list else [case.inputs()])]
    key = f"{[str(other) for other in all_layer_cases].index(str(case))}_{training}_"

    output = layer(inputs if case.is_list else inputs[0], training=training)
    total = (output * torch.cos(torch.arange(output.numel()).reshape(output.shape))).sum() + sum(layer.losses)
    total.backward()

    assert_close(output.detach(), keras[key + "output"], "output")
    assert_close(total.detach(), keras[key + "loss"], "loss")
    for k, x in enumerate(inputs):
        assert_close(x.grad, keras[f"{key}input_{k}"], f"gradient of input {k}")
    for k, weight in enumerate(layer.trainable_weights):
        assert_close(weight.grad, keras[f"{key}gradient_{k}"], f"gradient of weight {k}")
    for k, weight in enumerate(layer.weights):
        assert_close(weight.detach(), keras[f"{key}weight_{k}"], f"weight {k}")


def test_batch_normalization_remembers_as_keras(keras):
    layer = corekit.layers.BatchNormalization(momentum=0.8)

    for batch in BATCHES:
        layer(torch.tensor(batch), training=True)

    assert_close(layer.moving_mean, keras["bn_mean"], "moving mean")
    assert_close(layer.moving_variance, keras["bn_variance"], "moving variance")
    assert_close(layer(torch.tensor(BATCHES[0])).detach(), keras["bn_inference"], "inference")


@pytest.mark.parametrize("kind", ["activations", "regularizers", "constraints"])
def test_functions_match_keras(kind, functions, keras):
    for i, expression in enumerate(functions[kind]):
        x = torch.tensor(GRID)
        value = eval(f"{kind}.{expression}", {kind: getattr(corekit, kind), "x": x})

        assert_close(value, keras[f"{kind}_{i}_value"], expression)


@pytest.mark.parametrize("kind", ["activations", "regularizers"])
def test_gradients_of_functions_match_keras(kind, functions, keras):
    for i, expression in enumerate(functions[kind]):
        x = torch.tensor(GRID, requires_grad=True)
        eval(f"{kind}.{expression}", {kind: getattr(corekit, kind), "x": x}).sum().backward()

        assert_close(x.grad, keras[f"{kind}_{i}_gradient"], expression)
