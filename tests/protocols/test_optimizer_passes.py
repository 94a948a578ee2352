"""Passes, updates and averages of an optimizer whose rule is one line."""

import copy
import pickle

import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError, ArgumentTypeError, StateError


class Descent(ck.Optimizer):
    """Plain descent with a state, so that resuming has something to lose."""

    elementwise = True

    def init(self, param):
        return {"velocity": torch.zeros_like(param)}

    def update(self, param, grad, state, learning_rate):
        param.sub_(learning_rate * state["velocity"].mul_(0.5).add_(grad))


def weights():
    return [torch.nn.Parameter(torch.linspace(-1, 1, 6).reshape(2, 3)), torch.nn.Parameter(torch.ones(2))]


def grads(number):
    return [torch.full((2, 3), float(number)), torch.tensor([0.5, -number])]


EVERYTHING = {
    "gradient_accumulation_steps": 3,
    "use_ema": True,
    "ema_momentum": 0.5,
    "ema_overwrite_frequency": 2,
    "global_clipnorm": 1.0,
    "loss_scale_factor": 4.0,
    "weight_decay": 0.1,
}


@pytest.mark.parametrize("steps", [None, 2, 5])
def test_is_due_tells_which_pass_updates(steps):
    mine = weights()
    optimizer = Descent(0.1, gradient_accumulation_steps=steps).bind(mine)

    told, changed = [], []
    for number in range(10):
        before = mine[0].detach().clone()
        told.append(optimizer.is_due)
        optimizer.apply(grads(number + 1))
        changed.append(not torch.equal(mine[0], before))

    assert told == changed == [(number + 1) % (steps or 1) == 0 for number in range(10)]
    assert optimizer.iterations == 10 // (steps or 1)


def test_accumulated_update_is_that_of_the_mean():
    accumulated, plain = weights(), weights()

    optimizer = Descent(0.1, gradient_accumulation_steps=4).bind(accumulated)
    for number in (1, 2, 3, 6):
        optimizer.apply(grads(number))
    Descent(0.1).bind(plain).apply(grads(3))

    torch.testing.assert_close(accumulated, plain)


def test_gradients_given_are_left_alone():
    given = grads(5)
    optimizer = Descent(0.1, **EVERYTHING).bind(weights())

    for _ in range(6):
        optimizer.apply(given)

    assert all(map(torch.equal, given, grads(5)))


def test_pass_without_any_gradient_changes_nothing():
    mine = weights()
    optimizer = Descent(0.1, gradient_accumulation_steps=2).bind(mine)

    for _ in range(4):
        optimizer.apply([None, None])

    assert all(map(torch.equal, mine, weights()))


def test_weight_without_gradient_in_the_due_pass_waits():
    mine = weights()
    optimizer = Descent(0.1, gradient_accumulation_steps=2).bind(mine)

    optimizer.apply(grads(1))
    optimizer.apply([grads(1)[0], None])

    assert torch.equal(mine[1], weights()[1])
    assert not torch.equal(mine[0], weights()[0])


def through_state(optimizer, mine):
    fresh = Descent(0.1, **EVERYTHING).bind(mine)
    fresh.load_state_dict(pickle.loads(pickle.dumps(optimizer.state_dict())))
    return fresh, mine


@pytest.mark.parametrize("passes", [0, 1, 2, 3, 4, 7])
@pytest.mark.parametrize(
    "interrupt",
    [
        through_state,
        lambda optimizer, mine: copy.deepcopy((optimizer, mine)),
        lambda optimizer, mine: pickle.loads(pickle.dumps((optimizer, mine))),
    ],
    ids=["state_dict", "deepcopy", "pickle"],
)
def test_resuming_anywhere_is_bit_exact(interrupt, passes):
    straight, mine = weights(), weights()
    reference, optimizer = (Descent(0.1, **EVERYTHING).bind(each) for each in (straight, mine))

    for number in range(12):
        reference.apply(grads(number))
    for number in range(passes):
        optimizer.apply(grads(number))
    optimizer, mine = interrupt(optimizer, mine)
    for number in range(passes, 12):
        optimizer.apply(grads(number))

    assert all(map(torch.equal, mine, straight))
    assert optimizer.iterations == reference.iterations == 4
    for one, other in zip(mine, straight, strict=True):
        assert torch.equal(optimizer.state[one]["average"], reference.state[other]["average"])


def test_finalizing_takes_the_averages():
    mine = weights()
    optimizer = Descent(0.1, use_ema=True, ema_momentum=0.5).bind(mine)
    optimizer.apply(grads(1))
    first = [weight.detach().clone() for weight in mine]
    optimizer.apply(grads(2))
    expected = [(one + weight.detach()) / 2 for one, weight in zip(first, mine, strict=True)]

    optimizer.finalize_variable_values(mine)

    torch.testing.assert_close([weight.detach() for weight in mine], expected)


def test_finalizing_before_any_step_keeps_weights():
    mine = weights()
    optimizer = Descent(use_ema=True).bind(mine)
    optimizer.prepare()

    optimizer.finalize_variable_values()

    assert all(map(torch.equal, mine, weights()))


def test_finalizing_without_averages_keeps_weights():
    mine = weights()
    optimizer = Descent(0.1).bind(mine)
    optimizer.apply(grads(1))
    before = [weight.detach().clone() for weight in mine]

    optimizer.finalize_variable_values(mine)

    assert all(map(torch.equal, mine, before))


def test_finalizing_strange_weights_is_refused():
    optimizer = Descent(use_ema=True).bind(weights())

    with pytest.raises(StateError, match="not bound to 2 of the weights"):
        optimizer.finalize_variable_values(weights())


def test_loss_scale_cancels_out():
    scaled, plain = weights(), weights()
    optimizer = Descent(0.1, loss_scale_factor=8.0).bind(scaled)

    optimizer.apply([optimizer.scale_loss(grad) for grad in grads(3)])
    Descent(0.1).bind(plain).apply(grads(3))

    assert all(map(torch.equal, scaled, plain))
    assert Descent().scale_loss(torch.tensor(2.0)) == 2.0


def test_weight_exchanged_under_the_optimizer_is_found():
    (first, second), plain = weights(), weights()
    optimizer, reference = Descent(0.1).bind([first, second]), Descent(0.1).bind(plain)
    optimizer.apply(grads(1))
    reference.apply(grads(1))

    first.data = first.data.clone()
    for each in (optimizer, reference):
        each.apply(grads(2))

    assert all(map(torch.equal, [first, second], plain))


@pytest.mark.parametrize(
    ("kwargs", "kind", "words"),
    [
        (
            {"clipnorm": 1.0, "clipvalue": 0.5},
            ArgumentError,
            "clipnorm=1.0, clipvalue=0.5, global_clipnorm=None): only",
        ),
        ({"clipnorm": -1}, ArgumentError, "Descent(clipnorm=-1): expected a number, from 0"),
        ({"global_clipnorm": "1"}, ArgumentTypeError, "Descent(global_clipnorm='1'): expected a number"),
        ({"ema_momentum": 1.5}, ArgumentError, "Descent(ema_momentum=1.5): expected a number, from 0 to 1"),
        (
            {"ema_overwrite_frequency": 0},
            ArgumentError,
            "(ema_overwrite_frequency=0): expected a whole number, 1 or more",
        ),
        ({"ema_overwrite_frequency": 2.5}, ArgumentTypeError, "(ema_overwrite_frequency=2.5): expected a whole number"),
        (
            {"gradient_accumulation_steps": 1},
            ArgumentError,
            "(gradient_accumulation_steps=1): expected a whole number, 2",
        ),
        (
            {"gradient_accumulation_steps": "4"},
            ArgumentTypeError,
            "(gradient_accumulation_steps='4'): expected a whole",
        ),
        ({"loss_scale_factor": 0}, ArgumentError, "(loss_scale_factor=0): expected a number, more than 0"),
        ({"clipnrom": 1}, ArgumentTypeError, "Did you mean clipnorm=...?"),
    ],
)
def test_bad_argument_is_named(kwargs, kind, words):
    with pytest.raises(kind) as error:
        Descent(**kwargs)

    assert words in str(error.value)


def test_fused_without_a_kernel_is_told():
    class Promising(Descent):
        fused = True

    with pytest.raises(ArgumentTypeError, match="Promising says fused = True and has no update_fused"):
        Promising().bind(weights()).apply(grads(1))


def test_config_keeps_the_features():
    config = Descent(0.1, **EVERYTHING).get_config()

    assert config.items() >= {"learning_rate": 0.1, **EVERYTHING}.items()
    assert Descent.from_config(config).gradient_accumulation_steps == 3
