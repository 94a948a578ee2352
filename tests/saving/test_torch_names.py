"""Names of torch modules and ours: prefixes are exchanged, and no two arrays get one name."""

import pytest
import torch

from corekit.errors import ArgumentError
from corekit.saving.format import StoredTensor
from corekit.saving.torch_names import TWINS, InFile, Remade, renamed


@pytest.mark.parametrize(
    ("rename", "name", "new"),
    [
        ({"fc": "dense"}, "fc.weight", "dense.weight"),
        ({"fc": "dense"}, "fc1.weight", "fc1.weight"),
        ({"fc": "dense"}, "body.fc.weight", "body.fc.weight"),
        ({"body": "b", "body.fc": "dense"}, "body.fc.weight", "dense.weight"),
        ({"body": "b", "body.fc": "dense"}, "body.other.weight", "b.other.weight"),
        ({"module": ""}, "module.fc.weight", "fc.weight"),
        ({"w": "kernel"}, "w", "kernel"),
        (str.upper, "fc.weight", "FC.WEIGHT"),
        (None, "fc.weight", "fc.weight"),
    ],
)
def test_longest_prefix_of_whole_words_is_exchanged(rename, name, new):
    assert list(renamed({name: None}, rename)) == [new]


def test_two_arrays_of_one_name_are_refused():
    with pytest.raises(ArgumentError, match=r"rename makes one name, 'x', of 'a' and 'b'"):
        renamed({"a": None, "b": None}, lambda name: "x")


def stored(*shape):
    content = bytearray(torch.arange(float(torch.Size(shape).numel())).numpy().tobytes())
    return InFile(StoredTensor("F32", shape, 0, len(content)), content)


@pytest.mark.parametrize(
    ("layer", "weight", "shapes", "ours"),
    [
        ("Dense", "kernel", [(4, 3)], (3, 4)),
        ("Conv1D", "kernel", [(4, 3, 2)], (2, 3, 4)),
        ("Conv2D", "kernel", [(5, 4, 3, 2)], (3, 2, 4, 5)),
        ("GRU", "kernel", [(12, 5)], (5, 12)),
        ("GRU", "bias", [(12,), (12,)], (2, 12)),
        ("LSTM", "bias", [(16,), (16,)], (16,)),
    ],
)
def test_shape_is_known_before_anything_is_read(layer, weight, shapes, ours):
    made = Remade(tuple(stored(*shape) for shape in shapes), TWINS[layer][weight][1])

    assert made.shape == ours
    assert tuple(made.tensor().shape) == ours


def test_shape_of_what_cannot_be_made_is_the_files():
    assert Remade((stored(2, 3, 4),), TWINS["Dense"]["kernel"][1]).shape == (2, 3, 4)
