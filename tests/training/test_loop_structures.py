"""Models of several inputs and outputs: which data, loss, weight and metric goes where."""

import copy

import pytest
import torch

import corekit as ck
from corekit import Model


def heads_by_hand(model, x, left, right, weights=(1.0, 1.0)):
    outputs = model(x)
    losses = [(left - outputs[0]).square().mean(), (right - outputs[1]).abs().mean()]
    return [weights[0] * losses[0] + weights[1] * losses[1], *losses]


def absolute(y_true, y_pred):
    return (y_true - y_pred).abs().mean(dim=-1)


@pytest.mark.parametrize("form", ["list", "dict"])
def test_several_losses_and_weights_add_up(two_headed, regression, parts, form, hand):
    x, y = regression
    losses = [parts.SquaredError(), absolute]
    given = {"list": (losses, (0.5, 2.0), [y, y[:, :1]])}
    given["dict"] = tuple(dict(zip(("left", "right"), part, strict=True)) for part in given["list"])
    loss, weights, labels = given[form]
    model = two_headed(loss=loss, loss_weights=weights)

    found = model.evaluate(x, labels, batch_size=10, verbose=0)

    assert found == hand.near([value.item() for value in heads_by_hand(model, x, y, y[:, :1], (0.5, 2.0))])


def test_several_outputs_train_as_by_hand(two_headed, regression, parts):
    x, y = regression
    model = two_headed(loss=[parts.SquaredError(), absolute], loss_weights=[0.5, 2.0])
    twin = copy.deepcopy(model)

    model.fit(x, [y, y[:, :1]], batch_size=10, shuffle=False, verbose=0)

    total = heads_by_hand(twin, x, y, y[:, :1], (0.5, 2.0))[0]
    grads = torch.autograd.grad(total, list(twin.parameters()))
    for mine, old, grad in zip(model.parameters(), twin.parameters(), grads, strict=True):
        torch.testing.assert_close(mine, old - 0.1 * grad, rtol=1e-6, atol=1e-7)  # a mean in two stages rounds twice


def test_metrics_belong_to_their_output(two_headed, regression, parts, hand):
    x, y = regression
    model = two_headed(metrics={"right": [parts.Gap()]})

    logs = model.evaluate(x, {"right": y[:, :1], "left": y}, verbose=0, return_dict=True)

    assert logs["right_gap"] == hand.near((y[:, :1] - model(x)[1]).abs().mean().item())
    assert "left_gap" not in logs


def test_weights_may_differ_by_output(two_headed, regression, hand):
    x, y = regression
    model = two_headed()

    logs = model.evaluate(
        x, [y, y[:, :1]], sample_weight=[torch.zeros(10), torch.full((10,), 2.0)], verbose=0, return_dict=True
    )

    assert logs["left_loss"] == 0
    assert logs["right_loss"] == hand.near(2 * (y[:, :1] - model(x)[1]).square().mean().item())


@pytest.mark.parametrize("form", ["list", "tuple", "dict"])
def test_several_inputs_keep_their_places(regression, parts, form, hand):
    x, y = regression
    a, b = ck.Input(shape=(4,), name="a"), ck.Input(shape=(4,), name="b")
    torch.manual_seed(0)
    model = Model([a, b], parts.Linear(2)(a) - parts.Linear(2)(b))
    model.compile(parts.Descent(0.1), loss=parts.SquaredError())
    given = {"list": [x, -x], "tuple": (x, -x), "dict": {"b": -x, "a": x}}[form]

    loss = model.evaluate(given, y, batch_size=4, verbose=0)

    assert loss == hand.near((y - model([x, -x])).square().mean().item())
    assert model.predict(given, verbose=0).shape == (10, 2)
