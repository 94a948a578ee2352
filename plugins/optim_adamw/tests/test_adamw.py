"""AdamW's numbers against Keras and torch, its ways against each other, and the habits of both houses."""

import numpy as np
import pytest
import torch
from corekit_optim_adamw.adamw import AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, StepLR

import corekit as ck
from corekit.errors import ArgumentError, ArgumentTypeError

SHAPES = {"kernel": (17, 9), "bias": (9,), "scale": ()}
STEPS = 20
CASES = {
    "defaults": ({}, []),
    "decay": ({"learning_rate": 0.01, "weight_decay": 0.3}, []),
    "excluded": ({"learning_rate": 0.01, "weight_decay": 0.3}, ["bias", "sca"]),
    "amsgrad": ({"learning_rate": 0.01, "amsgrad": True}, []),
    "betas": ({"learning_rate": 0.01, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}, []),
    "clipnorm": ({"learning_rate": 0.01, "clipnorm": 0.5}, []),
    "clipvalue": ({"learning_rate": 0.01, "clipvalue": 0.3}, []),
    "global_clipnorm": ({"learning_rate": 0.01, "global_clipnorm": 1.0}, []),
    "ema": ({"learning_rate": 0.01, "use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3}, []),
    "accumulation": ({"learning_rate": 0.01, "gradient_accumulation_steps": 4, "weight_decay": 0.3}, ["bias"]),
    "loss_scale": ({"learning_rate": 0.01, "loss_scale_factor": 64.0}, []),
}
SCRIPT = f"""
for case, (kwargs, excluded) in {CASES!r}.items():
    weights = [keras.Variable(globals()[name], name=name) for name in {list(SHAPES)!r}]
    optimizer = keras.optimizers.AdamW(**kwargs)
    if excluded:
        optimizer.exclude_from_weight_decay(var_names=excluded)
    for step in range({STEPS}):
        grads = [keras.ops.convert_to_tensor(globals()[name + "_grads"][step]) for name in {list(SHAPES)!r}]
        optimizer.apply(grads, weights)
    for weight in weights:
        result[case + "." + weight.name] = weight.value
"""


def arrays(dtype="float32"):
    rng = np.random.default_rng(0)
    starts = {name: rng.normal(size=shape).astype(dtype) for name, shape in SHAPES.items()}
    grads = {name + "_grads": rng.normal(size=(STEPS, *shape)).astype(dtype) for name, shape in SHAPES.items()}
    return {**starts, **grads}


def train(optimizer, dtype="float32", steps=STEPS, apply=None):
    """Bind the optimizer, take the steps of `arrays`, return the weights."""
    given = arrays(dtype)
    weights = {name: torch.nn.Parameter(torch.tensor(given[name])) for name in SHAPES}
    optimizer.bind(weights.items())
    optimizer.prepare()
    for step in range(steps):
        (apply or optimizer.apply)([torch.tensor(given[name + "_grads"][step]) for name in SHAPES])
    return weights


@pytest.fixture(scope="module")
def keras_says(keras_oracle):
    return keras_oracle(SCRIPT, **arrays())


@pytest.mark.parametrize("case", CASES)
def test_twenty_steps_match_keras(case, keras_says):
    kwargs, excluded = CASES[case]
    optimizer = AdamW(**kwargs)
    optimizer.exclude_from_weight_decay(var_names=excluded)

    weights = train(optimizer)

    for name, weight in weights.items():
        np.testing.assert_allclose(weight.detach().numpy(), keras_says[f"{case}.{name}"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("amsgrad", [False, True])
def test_twenty_steps_match_torch(amsgrad):
    given = arrays("float64")
    theirs = [torch.nn.Parameter(torch.tensor(given[name])) for name in SHAPES]
    optimizer = torch.optim.AdamW(theirs, lr=0.01, eps=1e-7, weight_decay=0.1, amsgrad=amsgrad)
    for step in range(STEPS):
        for weight, name in zip(theirs, SHAPES, strict=True):
            weight.grad = torch.tensor(given[name + "_grads"][step])
        optimizer.step()

    ours = train(AdamW(0.01, weight_decay=0.1, amsgrad=amsgrad), "float64")

    # torch's epsilon is Keras's times sqrt(1 - beta_2^t). At step 1 that root is 0.03, and so is sqrt(v) for a gradient
    # of 1: epsilon moves a step of 0.01 by 0.01 * 1e-7 / 0.03 = 3e-8, and 200 times that where the gradient is 0.005,
    # the smallest here.
    torch.testing.assert_close(list(ours.values()), theirs, rtol=0, atol=1e-5)


def test_zero_epsilon_is_exactly_torch():
    given = arrays("float64")
    theirs = [torch.nn.Parameter(torch.tensor(given[name])) for name in SHAPES]
    optimizer = torch.optim.AdamW(theirs, lr=0.01, eps=0.0, weight_decay=0.1)
    for step in range(STEPS):
        for weight, name in zip(theirs, SHAPES, strict=True):
            weight.grad = torch.tensor(given[name + "_grads"][step])
        optimizer.step()

    ours = train(AdamW(0.01, weight_decay=0.1, epsilon=0), "float64")

    torch.testing.assert_close(list(ours.values()), theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("dtype", "used"), [("float32", True), ("float64", False)])
def test_fused_kernel_is_used_where_equal(dtype, used, monkeypatch):
    kernel, calls = torch._fused_adamw_, []
    monkeypatch.setattr(torch, "_fused_adamw_", lambda *args, **kwargs: calls.append(1) or kernel(*args, **kwargs))

    train(AdamW(), dtype, steps=1)

    assert bool(calls) is used


@pytest.mark.parametrize("amsgrad", [False, True])
def test_compiled_op_is_bit_equal_to_eager(amsgrad):
    torch._dynamo.reset()
    eager = train(AdamW(0.01, amsgrad=amsgrad))
    optimizer = AdamW(0.01, amsgrad=amsgrad)

    compiled = train(optimizer, apply=torch.compile(optimizer.update_from, fullgraph=True, backend="aot_eager"))

    assert all(map(torch.equal, compiled.values(), eager.values()))


def test_op_keeps_the_rules_of_custom_ops():
    lists = [[torch.randn(3, 2), torch.randn(2)] for _ in range(2)] + [[torch.ones(3, 2), torch.ones(2)]] * 2
    scalars = (
        torch.tensor(0.01, dtype=torch.float64),
        torch.tensor(0.001, dtype=torch.float64),
        torch.tensor(torch.inf),
    )

    torch.library.opcheck(
        torch.ops.corekit_optim_adamw.fused_adamw_.default,
        (*lists, [], *scalars, 0.9, 0.999, 1e-7),
        test_utils=("test_schema", "test_faketensor"),
    )


def test_many_steps_stay_with_the_equation():
    fused, loop = AdamW(1e-3), AdamW(1e-3)
    loop.fused, loop.flat_limit = False, 0
    both = []
    for optimizer in (fused, loop):
        weight = torch.nn.Parameter(torch.ones(50))
        optimizer.bind([weight])
        for step in range(500):
            optimizer.apply([torch.sin(torch.arange(50) + step)])
        both.append(weight)

    torch.testing.assert_close(*both, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["AdamW", "adamw", "adam_w", "corekit-optim-adamw:AdamW"])
def test_name_finds_it(name):
    assert type(ck.optimizers.get(name)) is AdamW


def test_old_keras_name_still_works():
    assert ck.optimizers.experimental.AdamW is AdamW


def test_defaults_are_those_of_keras():
    expected = {"learning_rate": 0.001, "weight_decay": 0.004, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}

    assert AdamW().get_config() == {**expected, "amsgrad": False}


def test_step_uses_gradients_of_torch():
    model = torch.nn.Linear(3, 2)
    before = model.weight.detach().clone()
    optimizer = AdamW(model.parameters(), lr=0.1)

    optimizer.zero_grad()
    model(torch.ones(4, 3)).sum().backward()
    optimizer.step()

    torch.testing.assert_close(model.weight.detach(), before * (1 - 0.1 * 0.004) - 0.1, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "schedule",
    [
        lambda o: StepLR(o, step_size=2, gamma=0.5),
        lambda o: CosineAnnealingLR(o, T_max=4),
        lambda o: LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    ],
)
def test_torch_schedulers_set_the_rate(schedule):
    optimizer, reference = (make([torch.nn.Parameter(torch.ones(2))], lr=0.5) for make in (AdamW, torch.optim.AdamW))
    schedulers = [schedule(each) for each in (optimizer, reference)]

    for _ in range(6):
        for each, scheduler in zip((optimizer, reference), schedulers, strict=True):
            each.step()
            scheduler.step()

    assert float(optimizer.learning_rate) == pytest.approx(reference.param_groups[0]["lr"])


def test_group_without_decay_keeps_its_weights():
    first, second = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    groups = [{"params": [first]}, {"params": [second], "weight_decay": 0.0}]

    AdamW(groups, lr=0.1, weight_decay=0.5).apply([torch.zeros(2), torch.zeros(2)])

    assert first.tolist() == pytest.approx([0.95, 0.95])
    assert second.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("kwargs", "kind", "words"),
    [
        ({"learning_rate": "fast"}, ArgumentTypeError, "AdamW(learning_rate='fast'): expected a number, or a schedule"),
        ({"weight_decay": None}, ArgumentTypeError, "AdamW(weight_decay=None): expected a number"),
        ({"weight_decay": -0.1}, ArgumentError, "AdamW(weight_decay=-0.1): expected a number, from 0"),
        ({"beta_1": 1.0}, ArgumentError, "AdamW(beta_1=1.0): expected a number, from 0 to less than 1"),
        ({"epsilon": -1e-8}, ArgumentError, "AdamW(epsilon=-1e-08)"),
        ({"betas": (0.9, 0.99)}, ArgumentTypeError, "there is no such argument"),
    ],
)
def test_bad_argument_is_named(kwargs, kind, words):
    with pytest.raises(kind) as error:
        AdamW(**kwargs)

    assert words in str(error.value)
