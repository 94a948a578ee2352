"""Two gloo ranks by fork: what they give, and what is told where one fails."""

import pytest
import torch
import torch.distributed as dist

from corekit.testing.kit import Failure
from corekit.testing.processes import on_two_ranks


def test_ranks_reduce_and_answer_in_order():
    def work(rank):
        total = torch.tensor([float(rank + 1)])
        dist.all_reduce(total)
        return [rank, total]

    assert on_two_ranks(work) == [[0, torch.tensor([3.0])], [1, torch.tensor([3.0])]]


def test_rank_that_raises_is_named_with_its_traceback():
    def work(rank):
        if rank == 1:
            raise ValueError("not on this rank")
        return 0

    with pytest.raises(Failure, match=r"(?s)rank 1 of 2 raised ValueError: not on this rank.*Traceback"):
        on_two_ranks(work)
