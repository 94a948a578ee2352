"""Modes that note what a component should not do, and where."""

import numpy as np
import torch

from corekit.testing.modes import Coarse, HostReads, only


def test_reads_are_noted_with_their_line():
    with HostReads() as reads:
        x = torch.ones(2)
        if x.sum() > 1:
            x = x * x.sum().item()

    assert len(reads.found) == 2
    assert "test_modes.py, line" in only(reads.found)
    assert "1 more" in only(reads.found)


def test_tensor_work_is_no_read():
    with HostReads() as reads:
        torch.where(torch.ones(2) > 0, 1.0, 2.0).sum()

    assert reads.found == []


def test_rounding_to_float32_is_noted():
    with Coarse() as coarse:
        (torch.ones(2, dtype=torch.float64).float() * 2).double()

    assert len(coarse.found) == 2


def test_whole_numbers_and_0_d_tensors_are_not_coarse():
    with Coarse() as coarse:
        torch.ones(2, dtype=torch.float64).argmax()
        torch.tensor(np.float32(1.0)) * torch.ones(2, dtype=torch.float64)

    assert coarse.found == []
