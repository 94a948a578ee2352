"""Batches made in a thread: the same ones in the same order, and nothing more is taken than is used."""

import threading
import time
from itertools import islice

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from corekit.training.ahead import fetched_ahead


def named(count):
    """Yield numbers with the thread that made them."""
    for number in range(count):
        yield number, threading.current_thread().name


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_order_stays(count):
    assert [number for number, _ in fetched_ahead(named(count))] == list(range(count))


def test_later_batches_come_from_a_thread():
    makers = [name for _, name in fetched_ahead(named(4))]

    assert makers == ["MainThread"] * 2 + ["corekit-batches"] * 2


def test_making_and_using_overlap():
    made = [threading.Event() for _ in range(8)]

    def source():
        for number, event in enumerate(made):
            event.set()
            yield number

    for number in fetched_ahead(source()):
        if 2 <= number < 7:  # the first two are read in turn
            assert made[number + 1].wait(10)  # the next one is made while this one is used


def test_source_that_draws_is_read_in_turn():
    def draws():
        for _ in range(6):
            yield torch.rand(1), threading.current_thread().name

    assert {name for _, name in fetched_ahead(draws())} == {"MainThread"}


@pytest.mark.parametrize("transform", [None, torch.nn.Dropout(0.5)])
def test_training_numbers_do_not_depend_on_the_thread(transform):
    loader = DataLoader(TensorDataset(torch.arange(40.0)), batch_size=4, shuffle=True)

    def run(feed):
        torch.manual_seed(0)
        found = []
        for (x,) in feed(loader):
            time.sleep(0.001)
            found.append((x if transform is None else transform(x)) + torch.rand(4))  # as dropout draws
        return torch.stack(found)

    assert torch.equal(run(fetched_ahead), run(iter))


def test_error_comes_out_in_its_turn():
    def broken():
        yield from range(5)
        raise KeyError("sixth")

    found = []
    with pytest.raises(KeyError, match="sixth"):
        found.extend(fetched_ahead(broken()))
    feed = fetched_ahead(broken())

    assert [next(feed) for _ in range(5)] == list(range(5))
    with pytest.raises(KeyError):
        next(feed)


def test_nothing_more_is_taken_than_is_used():
    source = iter(range(100))

    used = list(fetched_ahead(islice(source, 10)))

    assert used == list(range(10))
    assert next(source) == 10


def test_leaving_early_ends_the_thread():
    feed = fetched_ahead(iter(range(1000)))
    for _ in range(5):
        next(feed)

    feed.close()

    deadline = time.monotonic() + 5
    while any(thread.name == "corekit-batches" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
