"""The callbacks in real trainings of a tiny model, made of the core alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from corekit_callbacks_basic.early_stopping import EarlyStopping
from corekit_callbacks_basic.lambda_callback import LambdaCallback
from corekit_callbacks_basic.model_checkpoint import ModelCheckpoint

import corekit as ck


@ck.register
class Line(ck.Layer):
    """y = a x, from a = 0."""

    def build(self, input_shape: Any) -> None:
        self.slope = self.add_weight(shape=(1,), initializer=torch.nn.init.zeros_, name="slope")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs * self.slope


@ck.register
class Square(ck.Loss):
    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        return ((y_true - y_pred) ** 2).mean(-1)


@ck.register
class Descent(ck.Optimizer):
    def update(self, param: Any, grad: Any, state: Any, learning_rate: Any) -> None:
        param.sub_(learning_rate * grad)


X = np.linspace(-1, 1, 64, dtype="float32").reshape(-1, 1)


def model(learning_rate: float = 0.1) -> ck.Sequential:
    made = ck.Sequential([ck.Input(shape=(1,)), Line()])
    made.compile(optimizer=Descent(learning_rate=learning_rate), loss=Square())
    return made


class Given(ck.Callback):
    """Puts values into the logs, so that what is watched is under the test's control."""

    def __init__(self, values: list[float], name: str = "val_loss") -> None:
        self.values, self.name = values, name

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs[self.name] = self.values[epoch]


def epochs_run(values: list[float], **arguments: Any) -> int:
    trained = model()
    watchers = [Given(values, arguments.get("monitor", "val_loss")), EarlyStopping(**arguments)]
    return len(trained.fit(X, 2 * X, epochs=len(values), verbose=0, callbacks=watchers).epoch)


def test_early_stopping_waits_for_patience() -> None:
    assert epochs_run([3, 2, 2.5, 2.4, 2.3, 2.2], patience=2) == 4


def test_early_stopping_lets_improving_runs_end() -> None:
    assert epochs_run([5, 4, 3, 2], patience=1) == 4


def test_accuracy_is_watched_upwards() -> None:
    assert epochs_run([0.1, 0.2, 0.3, 0.2], monitor="val_accuracy", patience=1) == 4


def test_small_changes_are_no_improvement() -> None:
    assert epochs_run([3, 2.95, 2.9, 2.85], min_delta=0.5, patience=2) == 3


def test_start_from_epoch_skips_the_first() -> None:
    assert epochs_run([1, 5, 4, 3], patience=1, start_from_epoch=1) == 4


def test_best_weights_are_brought_back() -> None:
    trained = model(learning_rate=0.5)
    slopes: list[float] = []
    note = LambdaCallback(on_epoch_end=lambda epoch, logs: slopes.append(float(trained.weights[0].detach())))
    stop = EarlyStopping(patience=2, restore_best_weights=True)

    trained.fit(X, 2 * X, epochs=6, verbose=0, callbacks=[Given([3, 1, 2, 3, 4, 5]), note, stop])

    assert stop.best_epoch == 1
    assert float(trained.weights[0].detach()) == slopes[1]


def test_a_missing_value_names_the_logs() -> None:
    with pytest.raises(ck.CorekitError, match=r"(?s)val_loss.*only loss.*validation_split"):
        model().fit(X, X, verbose=0, callbacks=[EarlyStopping()])


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ck.CorekitError, match=r'"auto", "min" or "max"'):
        EarlyStopping(mode="up")


def test_checkpoint_files_are_named_from_logs(tmp_path: Path) -> None:
    pattern = str(tmp_path / "new" / "m-{epoch:02d}-{loss:.0f}.safetensors")

    model().fit(X, 2 * X, epochs=2, verbose=0, callbacks=[ModelCheckpoint(pattern)])

    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert len(names) == 2
    assert names[0].startswith("m-01-")


def test_only_the_best_model_is_kept(tmp_path: Path) -> None:
    trained, path = model(), tmp_path / "best.safetensors"
    slopes: list[float] = []
    note = LambdaCallback(on_epoch_end=lambda epoch, logs: slopes.append(float(trained.weights[0].detach())))
    save = ModelCheckpoint(path, save_best_only=True)

    trained.fit(X, 2 * X, epochs=4, verbose=0, callbacks=[Given([3, 1, 2, 4]), note, save])

    assert float(ck.load_model(path).weights[0].detach()) == slopes[1]


def test_checkpoints_may_count_batches(tmp_path: Path) -> None:
    saved: list[Any] = []
    save = ModelCheckpoint(tmp_path / "m.safetensors", save_freq=3)
    trained = model()
    trained.save = lambda path: saved.append(path)  # type: ignore[method-assign]  # counts calls

    trained.fit(X, X, batch_size=8, epochs=2, verbose=0, callbacks=[save])  # 16 batches

    assert len(saved) == 5


def test_other_file_types_are_refused() -> None:
    with pytest.raises(ck.CorekitError, match=r'Write "best\.safetensors"'):
        ModelCheckpoint("best.keras")


def test_an_unknown_log_in_the_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(ck.CorekitError, match=r"val_f1.*only loss"):
        model().fit(X, X, verbose=0, callbacks=[ModelCheckpoint(tmp_path / "m-{val_f1}.safetensors")])


def test_lambda_callback_refuses_unknown_moments() -> None:
    with pytest.raises(ck.CorekitError, match="on_epoch_end"):
        LambdaCallback(on_epoch_finished=print)


def test_lambda_callback_leaves_other_hooks_alone() -> None:
    callback = LambdaCallback(on_train_end=lambda logs: None)

    assert "on_train_batch_end" not in vars(callback)
