"""Whoever records operations is noticed."""

import pytest
import torch
from torch import nn
from torch.fx.experimental.proxy_tensor import make_fx

from corekit.protocols.tracing import is_traced

X = torch.ones(2)


class Told(nn.Module):
    """Gives 1 where it is traced, else 0."""

    def forward(self, x):
        return x * 0 + (1 if is_traced() else 0)


TRACERS = {
    "torch.compile": lambda: torch.compile(Told(), backend="eager", fullgraph=True),
    "torch.export, strict": lambda: torch.export.export(Told(), (X,), strict=True).module(),
    "torch.export": lambda: torch.export.export(Told(), (X,), strict=False).module(),
    "make_fx": lambda: make_fx(Told())(X),
}


@pytest.mark.parametrize("tracer", TRACERS)
def test_tracer_is_noticed(tracer):
    assert TRACERS[tracer]()(X).tolist() == [1, 1]


def test_nobody_is_noticed_where_nobody_traces():
    assert Told()(X).tolist() == [0, 0]
