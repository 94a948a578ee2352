import contextlib

import pytest
import torch

from corekit.saving.sequences import open_sequences

OPERATIONS = [torch.ops.aten.lstm.input, torch.ops.aten.gru.input]


def exported(module, x, axes):
    with torch.no_grad(), open_sequences():
        return torch.export.export(module, (x,), dynamic_shapes=(dict.fromkeys(axes, torch.export.Dim.DYNAMIC),))


@pytest.mark.filterwarnings("ignore:The tensor attributes")  # torch.nn.LSTM's weights, as its exporter takes them
@pytest.mark.parametrize("cls", [torch.nn.LSTM, torch.nn.GRU])
@pytest.mark.parametrize("arguments", [{}, {"batch_first": True, "bidirectional": True, "num_layers": 2}], ids=str)
def test_number_of_steps_stays_open(cls, arguments):
    module = cls(3, 4, **arguments).eval()

    program = exported(module, torch.randn(5, 6, 3), (0, 1))

    x = torch.randn(2, 9, 3)
    torch.testing.assert_close(program.module()(x), module(x))
    assert sum(node.target in OPERATIONS for node in program.graph.nodes) == 1


@pytest.mark.filterwarnings("ignore:The tensor attributes")
@pytest.mark.parametrize("cls", [torch.nn.LSTM, torch.nn.GRU])
@pytest.mark.parametrize("arguments", [{}, {"batch_first": True, "bidirectional": True, "num_layers": 2}], ids=str)
def test_shapes_are_those_that_torch_gives(cls, arguments):
    module, x = cls(3, 4, **arguments), torch.randn(5, 6, 3)

    told = exported(module, x, ()).graph.find_nodes(op="output")[0].args[0]

    y, states = module(x)
    states = states if isinstance(states, tuple) else (states,)
    assert [node.meta["val"].shape for node in told] == [value.shape for value in (y, *states)]


def test_torch_is_as_before_afterwards():
    before = [dict(op.py_kernels) for op in OPERATIONS]

    with contextlib.suppress(ZeroDivisionError), open_sequences():
        assert [dict(op.py_kernels) for op in OPERATIONS] != before
        raise ZeroDivisionError

    assert [dict(op.py_kernels) for op in OPERATIONS] == before
    assert not any(op._dispatch_cache for op in OPERATIONS)
