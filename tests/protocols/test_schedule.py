"""Learning rate schedules."""

import pytest

import corekit as ck


def test_schedule_describes_itself():
    class Halving(ck.LearningRateSchedule):
        def __init__(self, start, every=1000):
            self.start, self.every = start, every

        def __call__(self, step):
            return self.start * 0.5 ** (step / self.every)

    assert Halving(0.1).get_config() == {"start": 0.1, "every": 1000}


def test_schedule_without_call_is_refused():
    class Empty(ck.LearningRateSchedule):
        pass

    with pytest.raises(TypeError, match="__call__"):
        Empty()
