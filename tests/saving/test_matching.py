"""A model's weights against a file's arrays: what fits, and how the rest is told."""

from dataclasses import dataclass

import pytest
import torch

from corekit.errors import LoadError
from corekit.saving.matching import compare, copy_in, require_whole


@dataclass
class Array:
    """An array of a file."""

    values: torch.Tensor

    @property
    def dtype(self):
        return str(self.values.dtype).removeprefix("torch.")

    @property
    def shape(self):
        return tuple(self.values.shape)

    def tensor(self):
        return self.values


def match(weights, found, places=None):
    arrays = {name: Array(values) for name, values in found.items()}
    return compare(weights, arrays, places or {name: name for name in weights})


@pytest.mark.parametrize(
    ("mine", "theirs", "fits"),
    [
        ("float32", "float64", True), ("float16", "bfloat16", True), ("int64", "int64", True), ("bool", "bool", True),
        ("int64", "int32", False), ("float32", "int64", False), ("bool", "uint8", False), ("float32", "bool", False),
    ],
)  # fmt: skip
def test_numbers_of_one_sort_fit(mine, theirs, fits):
    weights = {"w": torch.zeros(2, dtype=getattr(torch, mine))}

    assert match(weights, {"w": torch.zeros(2, dtype=getattr(torch, theirs))}).is_whole is fits


def test_dtype_that_torch_does_not_have_fits_nothing():
    array = Array(torch.zeros(2))
    array.__class__ = type("Odd", (Array,), {"dtype": "float128"})

    assert not compare({"w": torch.zeros(2)}, {"w": array}, {"w": "w"}).is_whole


def test_each_weight_and_array_is_in_one_list():
    weights = {name: torch.zeros(2) for name in ("same", "shape", "gone")}
    found = {"a/same": torch.ones(2), "a/shape": torch.ones(3), "a/more": torch.ones(1)}

    got = match(weights, found, {name: f"a/{name}" for name in weights})

    assert got.matched == ("same",)
    assert got.missing == ("gone",)
    assert got.surplus == ("a/more",)
    assert got.differing == (("shape", "float32 (2,)", "float32 (3,)"),)
    assert str(got) == (
        "1 of the model's 3 weights match\n  missing in the file (1): 'gone'\n  not in the model (1): 'a/more'\n"
        "  other shape or dtype (1): 'shape': float32 (2,) in the model, float32 (3,) in the file"
    )


def test_what_matches_is_copied_and_nothing_else():
    weights = {"same": torch.zeros(2), "shape": torch.zeros(2), "half": torch.zeros(2, dtype=torch.float16)}
    found = {"same": torch.ones(2), "shape": torch.ones(3), "half": torch.full((2,), 0.1)}
    arrays = {name: Array(values) for name, values in found.items()}

    copy_in(weights, arrays, {name: name for name in weights}, match(weights, found))

    assert weights["same"].tolist() == [1.0, 1.0]
    assert weights["shape"].tolist() == [0.0, 0.0]
    assert weights["half"].dtype == torch.float16
    assert weights["half"].tolist() == torch.full((2,), 0.1).half().tolist()


def test_whole_match_passes_and_another_is_refused():
    weights = {"w": torch.zeros(2)}

    require_whole(match(weights, {"w": torch.ones(2)}), "the file")
    with pytest.raises(LoadError, match="the file does not fit the model: 0 of the model's 1 weights match") as raised:
        require_whole(match(weights, {}), "the file")
    assert raised.value.code == "weights-differ"
