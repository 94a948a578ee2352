"""`Metric.add_to_count` writes into the count's own memory; the count must stay a tensor like any other."""

import copy
import io

import pytest
import torch

from corekit import Metric


class Bias(Metric):
    def call(self, y_true, y_pred):
        return (y_pred - y_true).mean(dim=-1)


@pytest.fixture
def metric():
    made = Bias()
    made.update_state(torch.zeros(4, 1), torch.ones(4, 1))
    return made


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_every_update_counts(dtype):
    metric = Bias(dtype=dtype)
    for samples in (4, 3, 5):
        metric.update_state(torch.zeros(samples, 1), torch.ones(samples, 1))

    assert metric.count.item() == 12
    assert metric.count.dtype == getattr(torch, dtype)


def test_a_reset_and_a_loaded_state_are_seen(metric):
    metric.reset_state()
    metric.update_state(torch.zeros(2, 1), torch.ones(2, 1))
    assert metric.count.item() == 2

    metric.load_state_dict({"total": torch.tensor(7.0), "count": torch.tensor(7.0)})
    metric.update_state(torch.zeros(2, 1), torch.ones(2, 1))
    assert metric.count.item() == 9


@pytest.mark.parametrize("change", ["double", "assigned", "shared", "data"])
def test_a_count_that_has_moved_is_found(metric, change):
    if change == "double":
        metric.double()
    elif change == "assigned":
        metric.load_state_dict({"total": torch.tensor(4.0), "count": torch.tensor(4.0)}, assign=True)
    elif change == "shared":
        metric.count.share_memory_()
    else:
        metric.count.data = torch.tensor(4.0)
    metric.update_state(torch.zeros(3, 1), torch.ones(3, 1))

    assert metric.count.item() == 7
    assert metric.result().item() == 1


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda metric: torch.load(_saved(metric), weights_only=False)])
def test_a_copy_counts_for_itself(metric, copied):
    other = copied(metric)
    other.update_state(torch.zeros(3, 1), torch.ones(3, 1))

    assert (metric.count.item(), other.count.item()) == (4, 7)


def _saved(metric):
    file = io.BytesIO()
    torch.save(metric, file)
    file.seek(0)
    return file


def test_a_compiled_update_counts(metric):
    @torch.compile(fullgraph=True, backend="aot_eager")
    def update(y_true, y_pred):
        metric.update_state(y_true, y_pred)

    update(torch.zeros(3, 1), torch.ones(3, 1))
    update(torch.zeros(3, 1), torch.ones(3, 1))

    assert metric.count.item() == 10
