"""Numbers against Keras 3: equal to 1e-5, relative or absolute, which is float32 rounding in another order."""

import numpy as np
import pytest
import torch

SCRIPT = """
from keras import layers

def parameters(arrays):
    tensors = [torch.tensor(array) for array in arrays]
    return [tensor.requires_grad_() if tensor.is_floating_point() else tensor for tensor in tensors]

for i, (expression, num_inputs, num_weights, call, modes) in enumerate(LAYERS):
    for mode in modes:
        xs = parameters([globals()[f"{i}_x{k}"] for k in range(num_inputs)])
        layer = eval(expression)
        layer(*[x.detach() for x in xs])
        layer.set_weights([globals()[f"{i}_w{k}"] for k in range(num_weights)])
        outputs = layer(*xs, training=mode, **eval(f"dict({call})"))
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        total = sum((y * torch.cos(torch.arange(y.numel()).reshape(y.shape))).sum() for y in outputs)
        total = total + sum(layer.losses)
        if total.requires_grad:
            total.backward()
        key = f"{i}_{mode}_"
        result[key + "loss"] = total
        for k, y in enumerate(outputs):
            result[f"{key}output_{k}"] = y
        for k, x in enumerate(xs):
            result[f"{key}input_{k}"] = torch.zeros(x.shape) if x.grad is None else x.grad
        for k, weight in enumerate(layer.trainable_weights):
            result[f"{key}gradient_{k}"] = weight.value.grad
"""


@pytest.fixture(scope="module")
def keras(keras_oracle, all_layer_cases):
    """Return what Keras says to all cases: its start takes seconds, so it is asked once."""
    layers, arrays = [], {}
    for i, case in enumerate(all_layer_cases):
        inputs, weights = case.inputs(), case.built().get_weights()
        arrays |= {f"{i}_x{k}": x.numpy() for k, x in enumerate(inputs)}
        arrays |= {f"{i}_w{k}": weight for k, weight in enumerate(weights)}
        modes = [False] if case.is_random else [False, True]
        layers.append([case.expression, len(inputs), len(weights), case.call, modes])
    return keras_oracle(f"LAYERS = {layers!r}\n{SCRIPT}", **arrays)


def assert_close(ours, keras, what):
    np.testing.assert_allclose(np.asarray(ours.detach()), keras, rtol=1e-5, atol=1e-5, err_msg=what)


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_layer_matches_keras(case, training, keras, all_layer_cases):
    if case.is_random and training:
        pytest.skip("its output is random")
    layer = case.built()
    inputs = [x.requires_grad_() if x.is_floating_point() else x for x in case.inputs()]
    key = f"{[str(other) for other in all_layer_cases].index(str(case))}_{training}_"

    outputs = case.run(layer, inputs, training=training)
    total = sum((y * torch.cos(torch.arange(y.numel()).reshape(y.shape))).sum() for y in outputs) + sum(layer.losses)
    total.backward()

    for k, y in enumerate(outputs):
        assert_close(y, keras[f"{key}output_{k}"], f"output {k}")
    assert_close(total, keras[key + "loss"], "loss")
    for k, x in enumerate(inputs):
        assert_close(torch.zeros(x.shape) if x.grad is None else x.grad, keras[f"{key}input_{k}"], f"input {k}")
    for k, weight in enumerate(layer.trainable_weights):
        assert_close(weight.grad, keras[f"{key}gradient_{k}"], f"gradient of weight {k}")
