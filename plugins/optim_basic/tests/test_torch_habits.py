"""What torch users do with an optimizer works over these: groups, schedulers, state, step, copies."""

import pytest
import torch
from corekit_optim_basic.adam import Adam
from corekit_optim_basic.rmsprop import RMSprop
from corekit_optim_basic.sgd import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, StepLR

import corekit as ck
from corekit.errors import ArgumentError, StateError

ALL = [lambda *a, **k: SGD(*a, momentum=0.9, **k), Adam, RMSprop]


def weights(*shapes):
    torch.manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape)) for shape in shapes or [(3, 2), (2,)]]


def step(optimizer, mine, times=1):
    for _ in range(times):
        for weight in mine:
            weight.grad = torch.cos(weight.detach() * 3)
        optimizer.step()


@pytest.mark.parametrize("name", ["SGD", "sgd", "Adam", "adam", "RMSprop", "rmsprop", "corekit-optim-basic:Adam"])
def test_name_finds_the_optimizer(name):
    assert ck.optimizers.get(name).name.lower() == name.rpartition(":")[2].lower()


@pytest.mark.parametrize("make", ALL)
def test_torch_and_keras_making_agree(make):
    ours, theirs = weights(), weights()

    step(make(ours, lr=0.1), ours, times=3)
    step(make(learning_rate=0.1).bind(theirs), theirs, times=3)

    assert all(map(torch.equal, ours, theirs))


def test_params_alone_get_the_default_rate():
    assert SGD(weights()).learning_rate == 0.01
    assert Adam(weights()).learning_rate == 0.001


def test_unbound_apply_binds_to_params():
    (weight,) = weights((2,))
    before = weight.detach().clone()

    SGD(0.5).apply([torch.ones(2)], [weight])

    torch.testing.assert_close(weight.detach(), before - 0.5)


def test_unbound_apply_without_params_says_bind():
    with pytest.raises(StateError, match=r"bind\(parameters\)"):
        SGD().apply([torch.ones(2)])


def test_strange_params_are_refused():
    mine, strangers = weights(), weights()

    with pytest.raises(StateError, match="not bound to 2 of the parameters"):
        SGD(mine).apply([torch.ones(3, 2), torch.ones(2)], strangers)


def test_count_goes_on_when_gradients_come_and_go():
    first, second = weights()
    optimizer = Adam().bind([first, second])
    ones = [torch.ones(3, 2), torch.ones(2)]

    for grads in [ones, ones, [ones[0], None], [None, ones[1]], ones]:
        optimizer.apply(grads)

    assert optimizer.iterations == 5
    assert all(state["step"] == 5 for state in optimizer.state.values())


def test_no_gradient_at_all_changes_nothing():
    mine = weights()

    SGD(mine).step()

    assert all(map(torch.equal, mine, weights()))


def test_groups_keep_their_own_settings():
    first, second = weights((2,), (2,))
    before = [first.detach().clone(), second.detach().clone()]
    groups = [{"params": [first], "lr": 0.1}, {"params": [second], "weight_decay": 0.5}]

    SGD(groups, lr=1.0).apply([torch.ones(2), torch.zeros(2)])

    torch.testing.assert_close(first.detach(), before[0] - 0.1)
    torch.testing.assert_close(second.detach(), before[1] * 0.5)


def test_group_can_switch_decay_off():
    (weight,) = weights((2,))

    SGD([{"params": [weight], "weight_decay": 0.0}], lr=1.0, weight_decay=0.5).apply([torch.zeros(2)])

    torch.testing.assert_close(weight, weights((2,))[0])


def test_excluding_names_needs_names():
    optimizer = SGD(weight_decay=0.1).bind(weights())
    optimizer.exclude_from_weight_decay(var_names=["bias"])

    with pytest.raises(StateError, match=r"bind\(model.named_parameters\(\)\)"):
        optimizer.apply([torch.ones(3, 2), torch.ones(2)])


def test_excluded_variable_does_not_decay():
    first, second = weights((2,), (2,))
    before = [first.detach().clone(), second.detach().clone()]
    optimizer = SGD(learning_rate=1.0, weight_decay=0.5).bind([first, second])

    optimizer.exclude_from_weight_decay(var_list=[second])
    optimizer.apply([torch.zeros(2), torch.zeros(2)])

    torch.testing.assert_close(first.detach(), before[0] / 2)
    assert torch.equal(second, before[1])


@pytest.mark.parametrize(
    "schedule",
    [
        lambda o: StepLR(o, step_size=2, gamma=0.5),
        lambda o: CosineAnnealingLR(o, T_max=4),
        lambda o: LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    ],
)
def test_torch_schedulers_set_the_rate(schedule):
    ours, theirs = weights(), weights()
    optimizers = [SGD(ours, lr=0.5), torch.optim.SGD(theirs, lr=0.5)]
    schedulers = [schedule(optimizer) for optimizer in optimizers]

    for _ in range(6):
        step(optimizers[0], ours)
        step(optimizers[1], theirs)
        for scheduler in schedulers:
            scheduler.step()

    assert float(optimizers[0].learning_rate) == pytest.approx(optimizers[1].param_groups[0]["lr"])
    torch.testing.assert_close(ours, theirs)


def test_number_written_into_a_group_counts():
    (weight,) = weights((2,))
    before = weight.detach().clone()
    optimizer = SGD([weight], lr=1.0)

    optimizer.param_groups[0]["lr"] = 0.25
    optimizer.apply([torch.ones(2)])

    torch.testing.assert_close(weight.detach(), before - 0.25)


@pytest.mark.parametrize("schedule", [lambda step: 1 / (1 + step), lambda step: 0.5 if step < 0 else 1.0])
def test_schedule_is_asked_before_each_step(schedule):
    (weight,) = weights((1,))
    before = weight.item()
    optimizer = SGD(learning_rate=schedule).bind([weight])

    for _ in range(3):
        optimizer.apply([torch.ones(1)])

    assert before - weight.item() == pytest.approx(float(sum(schedule(done) for done in range(3))))


def test_setting_the_rate_keeps_its_tensor():
    optimizer = SGD(weights(), lr=0.1)
    rate = optimizer.learning_rate

    optimizer.learning_rate = 0.7

    assert optimizer.learning_rate is rate
    assert rate == 0.7


@pytest.mark.parametrize("make", ALL)
def test_state_moves_between_ways(make):
    straight, resumed = weights(), weights()
    step(make(straight), straight, times=6)

    flat, loop = make(resumed), make(resumed)
    flat.fused = loop.fused = False
    flat.flat_limit, loop.flat_limit = 100, 0
    step(flat, resumed, times=3)
    loop.load_state_dict(flat.state_dict())
    step(loop, resumed, times=3)

    torch.testing.assert_close(resumed, straight, rtol=1e-6, atol=1e-6)  # a vector's last elements round on their own


def test_config_has_the_present_rate():
    optimizer = SGD(weights(), lr=0.1)

    optimizer.learning_rate = 0.7

    assert optimizer.get_config() == {"learning_rate": 0.7, "momentum": 0.0, "nesterov": False}


def test_scaler_steps_it():
    (weight,) = weights((2,))
    before = weight.detach().clone()
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    optimizer = SGD([weight], lr=0.5)

    scaler.scale(weight.sum()).backward()
    scaler.step(optimizer)

    torch.testing.assert_close(weight.detach(), before - 0.5)


def test_no_parameters_is_an_error():
    with pytest.raises(ArgumentError, match="no parameters"):
        SGD([])
