"""Weights that are one: a file gives them back so, or it is not written."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import corekit as ck
from corekit.errors import SaveError


def rows() -> Any:
    return ck.Sequential([
        ck.Input((4,)), ck.layers.Dense(4, use_bias=False, name="a"), ck.layers.Dense(4, use_bias=False, name="b"),
    ])  # fmt: skip


def assert_comes_back(model: Any, path: Path) -> Any:
    """Save and load a model; it gives what it gave."""
    model.save(path)
    loaded = ck.load_model(path)
    assert torch.equal(loaded(torch.ones(1, 4)), model(torch.ones(1, 4)))
    return loaded


def test_layers_tied_from_outside_are_refused(path: Path) -> None:
    model = rows()
    model.layers[1].kernel = model.layers[0].kernel

    with pytest.raises(SaveError, match=r'"a\.kernel" and "b\.kernel" of "sequential" are one weight(.|\n)*same layer'):
        model.save(path)

    assert not path.exists()


def test_layers_of_different_models_tied_from_outside_are_refused(path: Path) -> None:
    inner, inputs = rows(), ck.Input((4,))
    inner.layers[1].kernel = inner.layers[0].kernel
    model = ck.Model(inputs, inner(inputs))

    with pytest.raises(SaveError, match="are one weight"):
        model.save(path)


def test_weights_that_share_memory_are_refused(path: Path) -> None:
    model = rows()
    model.layers[1].kernel = nn.Parameter(model.layers[0].kernel.detach().t())

    with pytest.raises(SaveError, match=r'"a\.kernel" and "b\.kernel" of "sequential" share their memory'):
        model.save(path)


def test_layer_that_is_used_twice_is_one(path: Path) -> None:
    inputs, dense = ck.Input((4,)), ck.layers.Dense(4)

    assert_comes_back(ck.Model(inputs, dense(dense(inputs))), path)


def test_layer_inside_another_may_be_used_beside_it(path: Path) -> None:
    @ck.register
    class Around(ck.Layer):
        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner = inner

        def call(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.inner(inputs)

    inputs, dense = ck.Input((4,)), ck.layers.Dense(4)

    assert_comes_back(ck.Model(inputs, Around(dense)(dense(inputs))), path)


def test_layers_that_a_layer_ties_itself_come_back_tied(path: Path) -> None:
    @ck.register
    class Tied(ck.Layer):
        def build(self, input_shape: Any) -> None:
            self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 4)
            self.two.weight = self.one.weight

        def call(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.two(self.one(inputs))

    loaded = assert_comes_back(ck.Sequential([ck.Input((4,)), Tied()]), path)

    assert loaded.layers[0].two.weight is loaded.layers[0].one.weight
