"""The code that the README and the design print, run as printed."""

import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import corekit as ck

README = Path(__file__).parents[2] / "README.md"
X = np.random.default_rng(0).random((96, 784), dtype="float32")
Y = ck.utils.to_categorical(np.arange(96) % 10, 10)


class MyCustomLayer(ck.layers.Layer):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return ck.activations.relu(torch.matmul(inputs, self.kernel))


def test_the_sequential_example_runs(tmp_path: Path) -> None:
    dense = ck.layers.Dense
    model = ck.Sequential([dense(128, activation="relu", input_shape=(784,)), dense(10, activation="softmax")])
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])

    history = model.fit(X, Y, epochs=2, validation_split=0.1, verbose=0)
    loss, accuracy = model.evaluate(X, Y, verbose=0)
    model.save(tmp_path / "digits.safetensors")

    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert loss > 0
    assert 0 <= accuracy <= 1
    assert model.predict(X, verbose=0).shape == (96, 10)


def test_the_functional_example_runs() -> None:
    inputs = ck.Input(shape=(784,))
    x = ck.layers.Dense(64, activation="relu")(inputs)
    outputs = ck.layers.Dense(10, activation="softmax")(ck.layers.Dropout(0.2)(x))
    model = ck.Model(inputs, outputs)
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])

    losses = model.fit(X, Y, epochs=8, verbose=0).history["loss"]

    assert losses[-1] < losses[0]


def test_the_custom_layer_example_runs() -> None:
    optimizer = ck.optimizers.AdamW(learning_rate=1e-3, weight_decay=0.01)
    model = ck.Sequential([MyCustomLayer(64), ck.layers.Dense(10, activation="softmax")])
    model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])

    losses = model.fit(X, Y, epochs=8, verbose=0).history["loss"]

    assert losses[-1] < losses[0]


def test_it_trains_unregistered_and_saving_shows_the_line(tmp_path: Path) -> None:
    model = ck.Sequential([MyCustomLayer(4)])
    model.compile(optimizer="sgd", loss="mse")
    model.fit(X, Y[:, :4], verbose=0)

    with pytest.raises(ck.CorekitError, match=r"(?s)MyCustomLayer.*@corekit\.register"):
        model.save(tmp_path / "m.safetensors")


def test_a_layer_without_build_is_taught() -> None:
    class Article(ck.layers.Layer):
        def __init__(self, units: int) -> None:
            super().__init__()
            self.units = units

        def call(self, inputs: torch.Tensor) -> torch.Tensor:
            return torch.matmul(inputs, self.kernel)

    model = ck.Sequential([Article(4)])
    model.compile(optimizer="sgd", loss="mse")

    with pytest.raises(ck.CorekitError, match=r"(?s)Article.*kernel.*def build.*add_weight"):
        model.fit(X, Y, verbose=0)


def test_import_corekit_as_keras_runs_the_tutorial() -> None:
    keras = importlib.import_module("corekit")
    inputs = keras.Input((784,))
    model = keras.models.Model(inputs, keras.layers.Dense(10, activation="softmax")(inputs))
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=0.01),
        loss=keras.losses.CategoricalCrossentropy(),
        metrics=[keras.metrics.CategoricalAccuracy()],
    )

    history = model.fit(X, Y, epochs=1, verbose=0, callbacks=[keras.callbacks.EarlyStopping(monitor="loss")])

    assert list(history.history) == ["loss", "categorical_accuracy"]
    assert keras.models.Sequential is ck.Sequential


def test_the_experimental_spelling_works() -> None:
    from corekit.optimizers.experimental import AdamW

    from corekit.layers import Dense

    assert AdamW is ck.optimizers.experimental.AdamW is ck.optimizers.AdamW
    assert Dense is ck.layers.Dense


def test_names_configs_and_modules_build_a_row() -> None:
    model = ck.Sequential(
        [
            ck.Input(shape=(4, 4)),
            "Flatten",
            {"id": "corekit-layers-basic:Dense", "config": {"units": 3, "activation": "relu"}},
            torch.nn.Linear(3, 2),
            torch.tanh,
            ck.layers.Dense,
        ][:5]
    )

    assert model(torch.ones(5, 4, 4)).shape == (5, 2)


def test_shapes_that_do_not_fit_name_both_layers() -> None:
    with pytest.raises(ck.errors.ShapeError, match=r'(?s)layer 3 \("reshape", Reshape\).*layer 2 \("flatten"\)'):
        ck.Sequential([ck.Input(shape=(4, 4)), "Dense" and ck.layers.Dense(3), "Flatten", ck.layers.Reshape((5, 5))])


def test_several_inputs_and_outputs_train() -> None:
    left, right = ck.Input(shape=(784,), name="left"), ck.Input(shape=(4,), name="right")
    both = ck.layers.Concatenate()([ck.layers.Dense(8, activation="relu")(left), right])
    digit = ck.layers.Dense(10, activation="softmax", name="digit")(both)
    size = ck.layers.Dense(1, name="size")(both)
    model = ck.Model({"left": left, "right": right}, {"digit": digit, "size": size})
    model.compile(
        optimizer="adam",
        loss={"digit": "categorical_crossentropy", "size": "mse"},
        metrics={"digit": ["accuracy"]},
    )

    data = {"left": X, "right": X[:, :4]}
    history = model.fit(data, {"digit": Y, "size": X[:, :1]}, verbose=0).history

    assert set(history) == {"loss", "digit_loss", "size_loss", "digit_accuracy"}
    assert history["loss"][0] == pytest.approx(history["digit_loss"][0] + history["size_loss"][0], rel=1e-5)


def test_ops_are_nodes_of_a_graph() -> None:
    inputs = ck.Input(shape=(3,))
    kernel = torch.randn(3, 2)
    model = ck.Model(inputs, ck.ops.linear_relu(inputs, kernel) * 2)
    x = torch.randn(4, 3)

    assert torch.allclose(model(x), 2 * torch.relu(x @ kernel), atol=1e-6)


def test_readme_examples_run_and_say_the_truth(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})

    told, shown = (re.search(r"accuracy ([\d.]+)", text) for text in (README.read_text(), capsys.readouterr().out))
    assert told is not None
    assert shown is not None
    assert float(shown[1]) == pytest.approx(float(told[1]), abs=0.015)  # machines differ in the last digit
