"""The engines give the same numbers, feature by feature, and one goes on where another stopped."""

import copy
import gc
import shutil
import weakref

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.training.engine import inductor

GENERATOR = np.random.default_rng(0)
X = GENERATOR.standard_normal((32, 12))
Y = ck.utils.to_categorical(GENERATOR.integers(0, 3, 32), 3)
WEIGHTS = GENERATOR.random(32)
STEPS = 20


def decayed():
    return ck.optimizers.schedules.ExponentialDecay(0.05, decay_steps=5, decay_rate=0.7)


def annealed():
    return ck.optimizers.schedules.CosineDecay(0.05, decay_steps=15)


OPTIMIZERS = {
    "sgd": lambda: ck.optimizers.SGD(0.1, momentum=0.9),
    "rmsprop": lambda: ck.optimizers.RMSprop(0.01),
    "adamw": lambda: ck.optimizers.AdamW(0.01, weight_decay=0.1),
    "clipnorm": lambda: ck.optimizers.Adam(0.05, clipnorm=0.1),
    "global_clipnorm": lambda: ck.optimizers.SGD(0.5, global_clipnorm=0.1),
    "clipvalue": lambda: ck.optimizers.SGD(0.5, clipvalue=0.01),
    "ema": lambda: ck.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=6),
    "accumulation": lambda: ck.optimizers.Adam(0.05, gradient_accumulation_steps=3),
    "decay": lambda: ck.optimizers.Adam(decayed()),
    "cosine": lambda: ck.optimizers.SGD(annealed(), momentum=0.5),
    "all": lambda: ck.optimizers.AdamW(
        decayed(), weight_decay=0.1, global_clipnorm=0.5, use_ema=True, gradient_accumulation_steps=2
    ),
}


@pytest.fixture
def dtype(request):
    """The dtype of weights and data."""
    ck.config.set_floatx(getattr(request, "param", "float32"))
    yield ck.config.floatx()
    ck.config.set_floatx("float32")


def make(optimizer, jit_compile):
    """Return a compiled model with dropout, batch statistics, penalties and constraints."""
    torch._dynamo.reset()
    ck.utils.set_random_seed(0)
    model = ck.Sequential(
        [
            ck.Input((12,)),
            ck.layers.Dense(16, activation="tanh", kernel_regularizer="l2", kernel_constraint="max_norm"),
            ck.layers.BatchNormalization(),
            ck.layers.Dropout(0.3),
            ck.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(OPTIMIZERS[optimizer](), "categorical_crossentropy", metrics=["accuracy"], jit_compile=jit_compile)
    return model


def losses(model, epochs=STEPS):
    """Return the loss of each step; every epoch is one step."""
    return model.fit(X, Y, sample_weight=WEIGHTS, batch_size=32, epochs=epochs, verbose=0).history["loss"]


def trained(optimizer, jit_compile):
    model = make(optimizer, jit_compile)
    return model, losses(model)


@pytest.fixture
def without_compiler(monkeypatch):
    """Let the captured graph run one operation after another in the compiler's stead: it takes no time."""

    def instead(data, inputs, *, only_cached=False):
        run = inductor.runnable(data)
        return lambda values: run(*values)

    monkeypatch.setattr(inductor, "compile_graph", instead)


def same(eager, other, dtype):
    """The kernels are the same but may be joined, which rounds elsewhere."""
    tolerance = {"float32": {"rtol": 1e-5, "atol": 1e-5}, "float64": {"rtol": 1e-10, "atol": 1e-10}}[dtype]
    return np.allclose(eager, other, **tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"], indirect=True)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_captured_step_equals_eager(without_compiler, optimizer, dtype):
    eager, expected = trained(optimizer, False)
    captured, found = trained(optimizer, True)

    assert captured.step_engine == "compiled: jit_compile=True"
    assert same(expected, found, dtype)
    for mine, other in zip(eager.weights, captured.weights, strict=True):
        assert same(mine.detach().numpy(), other.detach().numpy(), dtype)


@pytest.fixture(params=["mixed_bfloat16", "mixed_float16"])
def policy(request):
    ck.mixed_precision.set_global_policy(request.param)
    yield request.param
    ck.mixed_precision.set_global_policy("float32")


@pytest.mark.parametrize("optimizer", ["sgd", "all"])
def test_captured_mixed_precision_equals_eager(without_compiler, policy, optimizer):
    eager, expected = trained(optimizer, False)
    captured, found = trained(optimizer, True)

    assert captured.step_engine == "compiled: jit_compile=True"
    assert eager.layers[0].compute_dtype == getattr(torch, policy.removeprefix("mixed_"))
    assert same(expected, found, "float32")  # the same operations on the same halves
    assert expected[-1] < expected[0]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="Inductor needs a C++ compiler")
@pytest.mark.parametrize(
    ("optimizer", "dtype"), [("all", "float32"), ("ema", "float64"), ("sgd", "float32")], indirect=["dtype"]
)
def test_compiled_step_equals_eager(optimizer, dtype):
    _, expected = trained(optimizer, False)
    compiled, found = trained(optimizer, True)

    assert compiled.step_engine == "compiled: jit_compile=True"
    assert same(expected, found, dtype)


def state_of(model):
    """Return what another process would need to go on: weights, optimizer, random numbers."""
    return copy.deepcopy((model.state_dict(), model.optimizer.state_dict(), torch.get_rng_state()))


def going_on(optimizer, jit_compile, state):
    model = make(optimizer, jit_compile)
    losses(model, 1)  # binds the optimizer
    weights, steps, numbers = copy.deepcopy(state)
    model.load_state_dict(weights)
    model.optimizer.load_state_dict(steps)
    torch.set_rng_state(numbers)
    return model


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("begins", [False, True])
@pytest.mark.parametrize("optimizer", ["sgd", "accumulation", "all"])
def test_another_engine_goes_on(without_compiler, optimizer, begins, ends):
    whole = make(optimizer, begins)
    losses(whole, 7)
    state = state_of(whole)
    expected = losses(whole, 6)

    found = losses(going_on(optimizer, ends, state), 6)

    assert found == expected if begins == ends else same(expected, found, "float32")


def test_changed_attribute_is_noticed(without_compiler):
    found = []
    for jit_compile in (False, True):
        model = make("sgd", jit_compile)
        losses(model, 3)
        model.layers[2].rate = 0.9
        found.append(losses(model, 3))

    assert same(*found, "float32")


def test_data_goes_after_the_training(without_compiler):
    model, data = make("sgd", True), torch.as_tensor(X, dtype=torch.float32)
    held = weakref.ref(data)
    model.fit(data, Y, batch_size=8, epochs=2, verbose=0)

    del data
    gc.collect()

    assert model.step_engine == "compiled: jit_compile=True"
    assert held() is None


def test_last_smaller_batch_runs_eagerly(without_compiler):
    found = []
    for jit_compile in (False, True):
        model = make("sgd", jit_compile)
        found.append(model.fit(X[:30], Y[:30], batch_size=8, epochs=3, verbose=0).history["loss"])

    assert same(*found, "float32")


class Counting(ck.Layer):
    """Scales by a number that Python counts up: no one graph can hold it."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def call(self, inputs):
        self.calls += 1
        return inputs * self.calls


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="Inductor needs a C++ compiler")
def test_counting_layer_is_compiled_under_guards():
    def run(jit_compile):
        torch._dynamo.reset()
        ck.utils.set_random_seed(0)
        model = ck.Sequential([ck.Input((12,)), Counting(), ck.layers.Dense(3)])
        model.layers[0].calls = 0
        model.compile(ck.optimizers.SGD(1e-3), "mse", jit_compile=jit_compile)
        return losses(model, 6), model.step_engine

    (expected, _), (found, engine) = run(False), run(True)

    assert same(expected, found, "float32")
    assert "under guards" in engine
