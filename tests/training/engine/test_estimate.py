"""The guess at what a compiler could save."""

import pytest
import torch

from corekit.training.engine import estimate
from corekit.training.engine.estimate import Joinable


@pytest.fixture(autouse=True)
def _known_speed(monkeypatch):
    """An addition takes a microsecond here, and a byte a nanosecond."""
    monkeypatch.setattr(estimate, "_speed_here", lambda: (1e-6, 1e-9))


def counted(function):
    with Joinable() as joinable:
        function()
    return joinable


def test_small_operations_are_joined():
    x = torch.ones(10)

    found = counted(lambda: (x + x).relu())

    assert (found.calls, found.bytes) == (2, (3 + 2) * 40)
    assert found.gain == pytest.approx(2 * 1e-6 * estimate.ADDITIONS + 200 * 1e-9 * estimate.TRAFFIC)


def test_heavy_operations_are_not_joined():
    x = torch.ones(4, 4)

    assert counted(lambda: x @ x).gain == 0.0


@pytest.mark.parametrize("pick", [lambda x, at: x.index_select(0, at), lambda x, at: x[at]])
def test_rows_of_large_data_cost_only_themselves(pick):
    data, at = torch.zeros(10_000, 5), torch.tensor([1, 2])

    assert counted(lambda: pick(data, at)).bytes == 2 * 2 * 5 * 4


def test_recurrence_costs_what_its_second_run_takes():
    lstm, x = torch.nn.LSTM(8, 64), torch.ones(64, 32, 8)

    found = counted(lambda: lstm(x)[0].sum().backward())

    assert found.twice > 0.0
    joined = found.calls * 1e-6 * estimate.ADDITIONS + found.bytes * 1e-9 * estimate.TRAFFIC
    assert found.gain == pytest.approx(max(0.0, joined - found.twice))
