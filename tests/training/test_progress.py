"""What a run shows: lines, or a live bar in a terminal."""

import io
import re

import pytest
from rich.console import Console

from corekit.errors import ArgumentError
from corekit.training import progress
from corekit.training.progress import ProgressBar


class Clock:
    """A clock that stands until it is told to go on."""

    now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def screen(monkeypatch):
    """A terminal of 100 columns; its text, without colours, is `screen()`."""
    text = io.StringIO()
    monkeypatch.setattr(
        progress, "Console", lambda: Console(file=text, force_terminal=True, width=100, legacy_windows=False)
    )
    return lambda: re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.getvalue())


class Values:
    """Gives a loss, and counts how often it is asked."""

    count = 0

    def __call__(self):
        self.count += 1
        return {"loss": 0.5}


def test_plain_line_where_no_terminal_is(capsys):
    bar = ProgressBar("auto", "Epoch", 5, 3)

    bar.start(0)
    bar.step(Values())
    bar.finish({"loss": 0.123456, "accuracy": 1.0})

    assert re.fullmatch(r"Epoch 1/5 - 1 steps - \d+\.\ds - loss: 0\.1235 - accuracy: 1\n", capsys.readouterr().out)


def test_plain_lines_ask_for_nothing_between(capsys, clock):
    bar, values = ProgressBar(1, "Epoch", 1, 3), Values()

    bar.start(0)
    for _ in range(5):
        clock.now += 1
        bar.step(values)

    assert values.count == 0


@pytest.mark.parametrize("verbose", [0, False])
def test_silent_where_asked(capsys, verbose):
    bar = ProgressBar(verbose, "Epoch", 1, 3)

    bar.start(0)
    bar.step(Values())
    bar.finish({"loss": 1.0})

    assert capsys.readouterr().out == ""


def test_long_line_is_not_wrapped(capsys):
    bar = ProgressBar(2, "Epoch", 1, 3)

    bar.start(0)
    bar.finish({f"metric_number_{number}": 0.5 for number in range(20)})

    assert capsys.readouterr().out.count("\n") == 1


def test_terminal_shows_a_live_bar(screen, clock):
    bar = ProgressBar(1, "Epoch", 2, 10)

    bar.start(0)
    for _ in range(10):
        clock.now += 0.2
        bar.step(Values())
    bar.finish({"loss": 0.25})

    assert "Epoch 1/2" in screen()
    assert "4/10" in screen()
    assert "loss: 0.5" in screen()
    assert screen().rstrip().endswith("loss: 0.25")


def test_level_two_has_no_bar(screen):
    bar = ProgressBar(2, "Epoch", 2, 10)

    bar.start(0)
    bar.finish({"loss": 0.25})

    assert re.fullmatch(r"Epoch 1/2 - 0 steps - \d+\.\ds - loss: 0\.25\n", screen())


def test_bar_reads_four_times_a_second(screen, clock):
    bar, values = ProgressBar(1, "Epoch", 1, 1000), Values()

    bar.start(0)
    for _ in range(1000):
        clock.now += 0.002  # 2 seconds in all
        bar.step(values)
    bar.stop()

    assert 6 <= values.count <= 8


def test_short_pass_draws_no_bar(screen, clock):
    bar, values = ProgressBar(1, "Epoch", 1, 10), Values()

    bar.start(0)
    for _ in range(10):
        clock.now += 0.02
        bar.step(values)

    assert values.count == 0
    assert bar._live is None


def test_unknown_length_is_learnt(screen, clock):
    bar = ProgressBar(1, "Epoch", 2, None)
    bar.start(0)
    for _ in range(7):
        bar.step(Values())
    bar.finish({"loss": 1.0})

    bar.start(1)
    clock.now += 1
    bar.step(Values())
    bar.stop()

    assert "1/7" in screen()


def test_stop_ends_an_unfinished_bar(screen):
    bar = ProgressBar(1, "Epoch", 1, 10)
    bar.start(0)

    bar.stop()
    bar.stop()

    bar.start(1)  # rich allows one live display at a time
    bar.finish({"loss": 1.0})
    assert "loss: 1" in screen()


@pytest.mark.parametrize("verbose", ["loud", 3, None])
def test_other_levels_are_refused(verbose):
    with pytest.raises(ArgumentError, match=r'verbose=.*: expected 0, 1, 2 or "auto"'):
        ProgressBar(verbose, "Epoch", 1, 1)
