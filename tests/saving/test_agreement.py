import math

import pytest
import torch

from corekit.errors import SaveError
from corekit.saving.agreement import difference

BASE = torch.tensor([1.0, -2.0, 100.0])


@pytest.mark.parametrize(
    ("dtype", "apart"), [(torch.float64, 1e-8), (torch.float32, 1e-3), (torch.float16, 0.1), (torch.bfloat16, 0.5)]
)
def test_tolerance_is_the_dtypes_times_the_largest(dtype, apart):
    difference("", [BASE.double()], [BASE.double() + apart], dtype)

    with pytest.raises(SaveError, match=r"file gives output 0 with a difference of .*; .* is allowed"):
        difference("file ", [BASE.double()], [BASE.double() + 20 * apart], dtype)


def test_equal_infinities_and_nans_agree():
    odd = torch.tensor([math.inf, -math.inf, math.nan, 1.0])

    assert difference("", [odd], [odd.clone()], torch.float32) == 0


@pytest.mark.parametrize("other", [math.nan, -math.inf, 3.0])
def test_infinity_on_one_side_disagrees(other):
    with pytest.raises(SaveError, match=r"difference of (nan|inf)"):
        difference("", [torch.tensor([math.inf])], [torch.tensor([other])], torch.float32)


def test_whole_numbers_must_be_equal():
    ours = torch.tensor([10**9, 5])

    assert difference("", [ours], [ours], torch.float32) == 0
    with pytest.raises(SaveError, match="difference of 1"):
        difference("", [ours], [ours + 1], torch.float32)


@pytest.mark.parametrize(
    ("got", "words"),
    [
        ([], "gives 0 outputs, and the model 1"),
        ([BASE[:2]], r"gives output 0 as torch.float32 \(2,\), and the model as torch.float32 \(3,\)"),
        ([BASE.double()], "as torch.float64"),
    ],
)
def test_other_outputs_are_told(got, words):
    with pytest.raises(SaveError, match=words):
        difference("", [BASE], got, torch.float32)


def test_empty_outputs_agree():
    assert difference("", [torch.ones(0, 3)], [torch.ones(0, 3)], torch.float32) == 0
