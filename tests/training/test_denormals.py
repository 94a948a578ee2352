"""Denormals are zeros in a training, and as before after it."""

import pytest
import torch

from corekit import Callback
from corekit.training import denormals
from corekit.training.denormals import FlushedDenormals, are_flushed


@pytest.fixture(autouse=True)
def as_torch_starts():
    torch.set_flush_denormal(False)
    yield
    torch.set_flush_denormal(False)


@pytest.mark.parametrize("before", [False, True])
def test_setting_comes_back(before):
    torch.set_flush_denormal(before)

    with FlushedDenormals():
        assert are_flushed()

    assert are_flushed() is before


@pytest.mark.skipif(denormals._openmp() is None, reason="torch's threads are not GNU's here")
def test_every_thread_flushes():
    tiny = torch.full((2_000_000,), 1e-39)
    tiny * 0.5  # the threads are there before

    with FlushedDenormals():
        flushed = tiny * 0.5
    after = tiny * 0.5

    assert not flushed.any()
    assert after.all()


def test_fit_flushes_and_stops(make_model, regression):
    class Look(Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.seen = are_flushed()

    look = Look()
    make_model().fit(*regression, verbose=0, callbacks=[look])

    assert look.seen
    assert not are_flushed()


def test_failed_fit_stops_too(make_model, regression):
    class Fail(Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyError

    with pytest.raises(KeyError):
        make_model().fit(*regression, verbose=0, callbacks=[Fail()])

    assert not are_flushed()
