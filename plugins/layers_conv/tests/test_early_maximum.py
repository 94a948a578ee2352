"""A relu before a max pool is applied after it: the same numbers and gradients, where nobody looks in between."""

import pytest
import torch

import corekit as ck

ACTIVATIONS = ["relu", "leaky_relu", "tanh", None]


def row(activation="relu"):
    return ck.Sequential(
        [
            ck.Input((8, 8, 3)), ck.layers.Conv2D(4, 3, activation=activation), ck.layers.MaxPooling2D(2),
            ck.layers.Conv2D(5, 2, activation=activation), ck.layers.GlobalMaxPooling2D(),
            ck.layers.Dense(2, activation="softmax"),
        ]
    )  # fmt: skip


def one_by_one(model, x):
    for layer in model.layers:
        x = layer(x)
    return x


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_numbers_and_gradients_stay(activation):
    ck.utils.set_random_seed(0)
    model, x = row(activation), torch.randn(6, 8, 8, 3, dtype=torch.float32)
    found, expected = (
        torch.autograd.grad(call(x).square().sum(), list(model.parameters()))
        for call in (model, lambda x: one_by_one(model, x))
    )

    torch.testing.assert_close(model(x), one_by_one(model, x))
    torch.testing.assert_close(found, expected)


def relus(model, x):
    """Return how many numbers go through each relu."""
    seen = []
    relu = torch.relu

    def counted(value):
        seen.append(value.numel())
        return relu(value)

    for layer in model.layers:
        if getattr(layer, "activation", None) is ck.activations.relu:
            counted.never_falls = True
            layer.activation = counted
    model(x)
    return seen


def test_relu_sees_what_is_left():
    assert relus(row(), torch.randn(1, 8, 8, 3)) == [3 * 3 * 4, 5]


@pytest.mark.parametrize("position", [0, 1])
def test_hook_sees_the_activated(position):
    model, seen = row(), []
    layer = model.layers[position]
    hook = (
        (lambda module, args, output: seen.append(output))
        if position == 0
        else (lambda module, args: seen.append(args[0]))
    )
    (layer.register_forward_hook if position == 0 else layer.register_forward_pre_hook)(hook)

    model(torch.randn(2, 8, 8, 3))

    assert seen[0].shape == (2, 6, 6, 4)
    assert seen[0].min() == 0
