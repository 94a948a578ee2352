"""Callbacks: which hook is told what and when, that nobody reads the device unasked, and what a run prints."""

import io
import re

import pytest
from rich.console import Console

from corekit import Callback
from corekit.training import progress


def names(diary):
    return [line[0] for line in diary.lines]


# Order and arguments


def test_hooks_of_fit_come_in_order(make_model, regression, parts):
    diary = parts.Diary()

    make_model().fit(*regression, batch_size=5, epochs=2, callbacks=[diary], verbose=0)

    epoch = ["on_epoch_begin", *["on_train_batch_begin", "on_train_batch_end"] * 2, "on_epoch_end"]
    assert names(diary) == ["on_train_begin", *epoch, *epoch, "on_train_end"]


def test_validation_hooks_come_inside_the_epoch(make_model, regression, parts):
    diary = parts.Diary()

    make_model().fit(*regression, batch_size=10, validation_data=regression, callbacks=[diary], verbose=0)

    found = names(diary)
    assert found[found.index("on_train_batch_end") + 1 :] == [
        "on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end", "on_epoch_end", "on_train_end",
    ]  # fmt: skip


def test_hooks_of_evaluate_and_predict(make_model, regression, parts):
    tested, predicted = parts.Diary(), parts.Diary()
    model = make_model()

    model.evaluate(*regression, callbacks=[tested], verbose=0)
    model.predict(regression[0], callbacks=[predicted], verbose=0)

    assert names(tested) == ["on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end"]
    assert names(predicted) == ["on_predict_begin", "on_predict_batch_begin", "on_predict_batch_end", "on_predict_end"]


def test_hooks_learn_numbers_and_logs(make_model, regression, parts):
    diary = parts.Diary()

    history = make_model().fit(
        *regression, batch_size=5, epochs=2, validation_data=regression, callbacks=[diary], verbose=0
    )

    assert [line[1] for line in diary.lines if line[0] == "on_epoch_begin"] == [0, 1]
    assert [line[1] for line in diary.lines if line[0] == "on_train_batch_end"] == [0, 1, 0, 1]
    ends = [line for line in diary.lines if line[0] == "on_epoch_end"]
    assert [dict(line[2])["val_loss"] for line in ends] == history.history["val_loss"]
    assert diary.lines[-1] == ("on_train_end", ends[-1][2])


def test_callbacks_know_model_and_figures(make_model, regression):
    watcher, model = Callback(), make_model()

    model.fit(*regression, batch_size=3, epochs=2, callbacks=[watcher], verbose=0)

    assert watcher.model is model
    assert dict(watcher.params) == {"epochs": 2, "steps": 4, "verbose": 0}


def test_lone_callback_needs_no_list(make_model, regression, parts):
    diary = parts.Diary()

    make_model().fit(*regression, callbacks=diary, verbose=0)

    assert names(diary)[0] == "on_train_begin"


def test_history_notes_what_callbacks_add(make_model, regression):
    class Rate(Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["rate"] = epoch / 10

    history = make_model().fit(*regression, epochs=2, callbacks=[Rate()], verbose=0)

    assert history.history["rate"] == [0.0, 0.1]


def test_history_lists_epochs_and_floats(make_model, regression, parts):
    history = make_model(metrics=[parts.Gap()]).fit(
        *regression, validation_data=regression, initial_epoch=1, epochs=3, verbose=0
    )

    assert history.epoch == [1, 2]
    assert list(history.history) == ["loss", "gap", "val_loss", "val_gap"]
    assert all(type(value) is float for values in history.history.values() for value in values)


# Stopping


class StopAfter(Callback):
    """Asks to stop at one moment."""

    def __init__(self, hook, number):
        self.batches = 0
        setattr(self, hook, lambda index, logs=None: index == number and setattr(self.model, "stop_training", True))

    def on_train_batch_begin(self, batch, logs=None):
        self.batches += 1


def test_stop_at_epoch_end_is_obeyed(make_model, regression):
    history = make_model().fit(*regression, epochs=9, callbacks=[StopAfter("on_epoch_end", 2)], verbose=0)

    assert history.epoch == [0, 1, 2]


def test_stop_in_a_batch_is_obeyed_at_once(make_model, regression, parts):
    """As in Keras: the batch is the last one; its epoch is validated and noted."""
    stop, diary = StopAfter("on_train_batch_end", 1), parts.Diary()

    history = make_model().fit(
        *regression, batch_size=2, epochs=9, validation_data=regression, callbacks=[stop, diary], verbose=0
    )

    assert stop.batches == 2
    assert history.epoch == [0]
    assert "val_loss" in history.history
    assert names(diary)[-2:] == ["on_epoch_end", "on_train_end"]


def test_next_fit_starts_unstopped(make_model, regression):
    model = make_model()
    model.fit(*regression, epochs=9, callbacks=[StopAfter("on_epoch_end", 0)], verbose=0)

    assert model.fit(*regression, epochs=3, verbose=0).epoch == [0, 1, 2]


# Nobody reads the device unasked


def reads_of_fit(model, data, parts, batch_size, **kwargs):
    model.fit(*data, batch_size=batch_size, verbose=0)  # the first batch builds; not counted
    with parts.Reads() as reads:
        model.fit(*data, batch_size=batch_size, verbose=0, **kwargs)
    return reads.count


class Idle(Callback):
    """Listens to every batch and looks at nothing."""

    def on_train_batch_end(self, batch, logs=None):
        self.names = list(logs)


class Curious(Callback):
    """Looks at the loss of every batch."""

    def __init__(self):
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])


def test_more_steps_read_no_more(make_model, regression, parts):
    counts = [reads_of_fit(make_model(), regression, parts, size) for size in (1, 10)]

    assert counts[0] == counts[1]


def test_idle_batch_hooks_read_nothing(make_model, regression, parts):
    counts = [reads_of_fit(make_model(), regression, parts, 1, callbacks=callbacks) for callbacks in ([], [Idle()])]

    assert counts[0] == counts[1]


def test_looking_reads_once_each(make_model, regression, parts):
    counts = [reads_of_fit(make_model(), regression, parts, 1, callbacks=callbacks) for callbacks in ([], [Curious()])]

    assert counts[1] == counts[0] + 10


def test_batch_logs_are_running_means(make_model, regression, parts, hand):
    curious, model = Curious(), make_model()
    x, y = regression

    class Still(parts.Descent):
        def update(self, param, grad, state, learning_rate):
            """Change nothing, so that every batch meets the same weights."""

    model.compile(Still(0.1), loss=parts.SquaredError())
    model.fit(x, y, batch_size=5, shuffle=False, callbacks=[curious], verbose=0)

    losses = hand.losses(model, x, y)
    assert curious.losses == hand.near([losses[:5].mean().item(), losses.mean().item()])


# What is printed


def test_fit_prints_a_line_per_epoch(make_model, regression, capsys):
    make_model().fit(*regression, batch_size=4, epochs=2, validation_data=regression)

    lines = capsys.readouterr().out.splitlines()
    pattern = r"Epoch {}/2 - 3 steps - \d+\.\ds - loss: [\d.e-]+ - val_loss: [\d.e-]+"
    assert len(lines) == 2
    assert all(re.fullmatch(pattern.format(number), line) for number, line in enumerate(lines, 1))


def test_evaluate_prints_its_line(make_model, regression, capsys):
    make_model().evaluate(*regression)

    assert re.fullmatch(r"Evaluate - 1 steps - \d+\.\ds - loss: [\d.e-]+\n", capsys.readouterr().out)


def test_silence_is_silent(make_model, regression, capsys):
    model = make_model()

    model.fit(*regression, validation_data=regression, verbose=0)
    model.evaluate(*regression, verbose=0)
    model.predict(regression[0], verbose=0)

    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


@pytest.fixture
def terminal(monkeypatch):
    """A screen on which the bar is drawn at every step."""
    text = io.StringIO()
    monkeypatch.setattr(progress, "READ_EVERY", 0.0)
    monkeypatch.setattr(progress, "Console", lambda: Console(file=text, force_terminal=True, width=120))
    return text


def test_terminal_bar_follows_fit(make_model, regression, terminal):
    make_model().fit(*regression, batch_size=4, epochs=2, validation_data=regression)

    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
    assert "Epoch 1/2" in shown
    assert "Epoch 2/2" in shown
    assert "2/3" in shown
    assert re.search(r"Epoch 2/2 - 3 steps - .* loss: [\d.e-]+ - val_loss: [\d.e-]+\n$", shown)


def test_terminal_is_whole_after_an_error(make_model, regression, terminal):
    class Break(Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        make_model().fit(*regression, batch_size=4, callbacks=[Break()])

    shown, hidden = (terminal.getvalue().rfind(f"\x1b[?25{code}") for code in "hl")
    assert shown > hidden > -1  # the cursor is back


def test_fast_steps_share_one_reading(make_model, regression, parts, terminal, monkeypatch):
    """All steps fall within one reading here, so the bar asks for values at the end alone."""
    monkeypatch.setattr(progress, "READ_EVERY", 1e9)
    model = make_model()
    quiet = reads_of_fit(model, regression, parts, 1)

    with parts.Reads() as reads:
        model.fit(*regression, batch_size=1, verbose=1)

    assert reads.count == quiet
