"""The three models of the README train as in Keras 3: the same weights and data in, the same losses out."""

import numpy as np
import pytest
import torch

import corekit as ck

pytestmark = pytest.mark.slow  # Keras takes seconds to start

MODELS = ("row", "drawn", "custom")
OPTIMIZERS = ("SGD", "Adam", "AdamW", "RMSprop")
STEPS, BATCH = 20, 32

KERAS = """
class MyCustomLayer(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units
    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel")
    def call(self, inputs):
        return keras.ops.relu(keras.ops.matmul(inputs, self.kernel))

def make(kind):
    Dense, Dropout = keras.layers.Dense, keras.layers.Dropout
    if kind == "row":
        return keras.Sequential([keras.Input((784,)), Dense(128, activation="relu"), Dense(10, activation="softmax")])
    if kind == "custom":
        return keras.Sequential([keras.Input((784,)), MyCustomLayer(64), Dense(10, activation="softmax")])
    inputs = keras.Input(shape=(784,))
    x = Dense(64, activation="relu")(inputs)
    return keras.Model(inputs, Dense(10, activation="softmax")(Dropout(0.0)(x)))

for kind in kinds:
    for name in optimizers:
        model = make(kind)
        model.set_weights([globals()[f"{kind}_{number}"] for number in range(len(model.get_weights()))])
        model.compile(optimizer=name.lower(), loss="categorical_crossentropy", metrics=["accuracy"])
        batches = zip(np.split(x, steps), np.split(y, steps))
        result[f"{kind}_{name}_steps"] = np.array([model.train_on_batch(a, b)[0] for a, b in batches])
        result[f"{kind}_{name}_after"] = np.array(model.evaluate(x, y, verbose=0))

def note(case, history):
    for name, values in history.history.items():
        result[f"{case}/{name}"] = np.array(values)

def row():
    model = make("row")
    model.set_weights([row_0, row_1, row_2, row_3])
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["mae"])
    return model

same = dict(batch_size=50, epochs=2, shuffle=False, verbose=0)
note("sample_weight", row().fit(x, y, sample_weight=w, validation_data=(x[:90], y[:90], w[:90]), **same))
note("class_weight", row().fit(x, y, class_weight={0: 3.0, 4: 0.5}, validation_split=0.25, **same))

inputs = keras.Input(shape=(784,))
hidden = keras.layers.Dense(16, activation="relu")(inputs)
heads = [keras.layers.Dense(10, activation="softmax", name="digit")(hidden), keras.layers.Dense(1, name="size")(hidden)]
model = keras.Model(inputs, heads)
model.set_weights([two_0, two_1, two_2, two_3, two_4, two_5])
losses, weights = {"digit": "categorical_crossentropy", "size": "mse"}, {"digit": 1.0, "size": 0.1}
model.compile("sgd", losses, loss_weights=weights, metrics={"digit": ["accuracy"], "size": ["mae"]})
note("two_heads", model.fit(x, {"digit": y, "size": x[:, :4].sum(-1)}, validation_split=0.25, **same))
"""


class MyCustomLayer(ck.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel")

    def call(self, inputs):
        return ck.activations.relu(torch.matmul(inputs, self.kernel))


def make(kind):
    """One of the three models, the same weights each time."""
    ck.utils.set_random_seed(0)
    dense = ck.layers.Dense
    if kind == "row":
        return ck.Sequential([dense(128, activation="relu", input_shape=(784,)), dense(10, activation="softmax")])
    if kind == "custom":
        model = ck.Sequential([MyCustomLayer(64), dense(10, activation="softmax")])
        model.build((None, 784))
        return model
    inputs = ck.Input(shape=(784,))
    x = dense(64, activation="relu")(inputs)
    return ck.Model(inputs, dense(10, activation="softmax")(ck.layers.Dropout(0.0)(x)))


def make_two_heads():
    ck.utils.set_random_seed(0)
    inputs = ck.Input(shape=(784,))
    hidden = ck.layers.Dense(16, activation="relu")(inputs)
    digit = ck.layers.Dense(10, activation="softmax", name="digit")(hidden)
    return ck.Model(inputs, [digit, ck.layers.Dense(1, name="size")(hidden)])


@pytest.fixture(scope="module")
def data():
    """640 samples of 784 features, labelled by which tenth of them is the brightest: something to learn."""
    x = np.random.default_rng(0).random((STEPS * BATCH, 784), dtype="float32")
    return x, np.eye(10, dtype="float32")[x[:, :780].reshape(len(x), 10, 78).mean(axis=-1).argmax(axis=-1)]


def sample_weights():
    return np.linspace(0, 2, STEPS * BATCH, dtype="float32")


@pytest.fixture(scope="module")
def keras(keras_oracle, data):
    """Keras's losses for all twelve combinations."""
    weights = {f"{kind}_{n}": weight for kind in MODELS for n, weight in enumerate(make(kind).get_weights())}
    weights |= {f"two_{n}": weight for n, weight in enumerate(make_two_heads().get_weights())}
    weights["w"] = sample_weights()
    settings = {"kinds": np.array(MODELS), "optimizers": np.array(OPTIMIZERS), "steps": np.array(STEPS)}
    return keras_oracle(KERAS, x=data[0], y=data[1], **weights, **settings)


@pytest.fixture
def compiled():
    def compiled(kind, optimizer):
        model = make(kind)
        model.compile(optimizer=optimizer.lower(), loss="categorical_crossentropy", metrics=["accuracy"])
        return model

    return compiled


# 1e-4 is what the project promises. Both sides compute in float32 by one library, so in truth they differ by some 1e-6.
every = pytest.mark.parametrize("kind", MODELS), pytest.mark.parametrize("optimizer", OPTIMIZERS)


@every[0]
@every[1]
def test_each_step_has_kerass_loss(keras, compiled, data, kind, optimizer):
    model, (x, y) = compiled(kind, optimizer), data

    batches = zip(np.split(x, STEPS), np.split(y, STEPS), strict=True)
    losses = [model.train_on_batch(*batch)[0] for batch in batches]

    expected = keras[f"{kind}_{optimizer}_steps"]
    assert np.ptp(expected) > 0.05  # it did train
    assert losses == pytest.approx(expected, abs=1e-4)


@every[0]
@every[1]
def test_fit_ends_where_keras_ends(keras, compiled, data, kind, optimizer):
    model = compiled(kind, optimizer)

    history = model.fit(*data, batch_size=BATCH, shuffle=False, verbose=0)

    assert history.history["loss"] == [pytest.approx(keras[f"{kind}_{optimizer}_steps"].mean(), abs=1e-4)]
    loss, accuracy = model.evaluate(*data, verbose=0)
    assert loss == pytest.approx(keras[f"{kind}_{optimizer}_after"][0], abs=1e-4)
    assert accuracy == pytest.approx(keras[f"{kind}_{optimizer}_after"][1], abs=1.5 / len(data[0]))  # a tie may tip


SAME = {"batch_size": 50, "epochs": 2, "shuffle": False, "verbose": 0}  # 50: the last batch is smaller


def assert_same_history(history, keras, case):
    expected = {name.partition("/")[2]: values for name, values in keras.items() if name.startswith(f"{case}/")}
    assert set(history.history) == set(expected)
    for name, values in expected.items():
        assert history.history[name] == pytest.approx(values, rel=1e-4, abs=1e-4), name


def weighted_row():
    model = make("row")
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["mae"])
    return model


def test_sample_weights_count_as_in_keras(keras, data):
    (x, y), w = data, sample_weights()

    history = weighted_row().fit(x, y, sample_weight=w, validation_data=(x[:90], y[:90], w[:90]), **SAME)

    assert_same_history(history, keras, "sample_weight")


def test_class_weights_count_as_in_keras(keras, data):
    history = weighted_row().fit(*data, class_weight={0: 3.0, 4: 0.5}, validation_split=0.25, **SAME)

    assert_same_history(history, keras, "class_weight")


def test_several_outputs_train_as_in_keras(keras, data):
    x, y = data
    model = make_two_heads()
    losses, weights = {"digit": "categorical_crossentropy", "size": "mse"}, {"digit": 1.0, "size": 0.1}
    model.compile("sgd", losses, loss_weights=weights, metrics={"digit": ["accuracy"], "size": ["mae"]})

    history = model.fit(x, {"digit": y, "size": x[:, :4].sum(-1)}, validation_split=0.25, **SAME)

    assert_same_history(history, keras, "two_heads")
