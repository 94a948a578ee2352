"""A step as one graph: what is captured, when it holds, where it breaks."""

import pytest
import torch

from corekit.training.engine.capture import Capture, CaptureError


class Counter:
    """Adds batches up, times a factor that a user may change."""

    def __init__(self):
        self.total, self.factor, self.seen = torch.zeros(3), 1.0, 0

    def step(self, batch):
        self.total.add_(batch[0] * self.factor)

    def counting_step(self, batch):
        self.seen += 1
        self.total.add_(batch[0] * self.seen)

    def keeping_step(self, batch):
        self.last = batch[0] * 2
        self.total.add_(self.last)


def batch(value=1.0):
    return (torch.full((3,), value),)


def test_captured_step_runs_each_time():
    counter = Counter()
    step = Capture(counter.step)

    for value in (1.0, 2.0, 3.0):
        step(batch(value))

    assert counter.total.tolist() == [6.0] * 3
    assert step.count == 1


def test_changed_attribute_is_captured_anew():
    counter = Counter()
    step = Capture(counter.step)
    step(batch())

    counter.factor = 10.0
    step(batch())

    assert counter.total.tolist() == [11.0] * 3
    assert step.count == 2


def test_many_captures_share_no_limit():
    counters = [Counter() for _ in range(12)]  # torch keeps 8 graphs for one piece of code

    for counter in counters:
        Capture(counter.step)(batch())

    assert all(counter.total.tolist() == [1.0] * 3 for counter in counters)


def test_closed_graph_knows_its_places():
    counter, given = Counter(), batch()
    step = Capture(counter.step)
    step(given)

    places = step.places(given)

    assert step.inputs[places[0]] is given[0]
    assert any(value is counter.total for value in step.inputs)


def test_counting_in_python_is_captured_each_time():
    counter = Counter()
    step = Capture(counter.counting_step)

    for _ in range(3):
        step(batch())

    assert (step.count, counter.seen) == (3, 3)
    assert counter.total.tolist() == [6.0] * 3


def test_keeping_a_tensor_is_not_closed():
    counter, given = Counter(), batch()
    step = Capture(counter.keeping_step)
    step(given)

    assert step.places(given) is None
    assert counter.last.tolist() == [2.0] * 3


def test_one_tensor_twice_is_not_closed():
    tensor, total = torch.ones(3), torch.zeros(3)

    def step(pair):
        total.add_(pair[0] * pair[1])

    captured = Capture(step)
    captured((tensor, tensor))

    assert captured.places((tensor, tensor)) is None


def test_break_is_told_with_its_line():
    def step(pair):
        print(end="")
        pair[0].add_(1)

    with pytest.raises(CaptureError, match=r"test_capture\.py:"):
        Capture(step)(batch())
