"""What a layer gathers from those inside it."""

import torch
from torch import nn

from corekit.protocols.building import tree
from corekit.protocols.gathering import arrays, layers_in
from corekit.protocols.layer import Layer


class Holder(Layer):
    def __init__(self, *inner: nn.Module) -> None:
        super().__init__()
        self.inner = nn.ModuleList(inner)
        self.nothing = nn.Module()
        self.nothing.register_module("none", None)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs


def test_tree_is_modules_in_order():
    shared = Layer()
    layer = Holder(shared, Holder(nn.Linear(2, 2), shared), nn.ReLU())

    assert tree(layer) == list(layer.modules())


def test_layers_are_gathered_without_torch_modules():
    layer = Holder(nn.Linear(2, 2), inner := Holder())

    assert layers_in(layer) == [layer, inner]


def test_bfloat16_weights_become_float32_arrays():
    assert arrays([torch.ones(2, dtype=torch.bfloat16)])[0].dtype.name == "float32"
