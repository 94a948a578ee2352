"""Records torch's LSTM and GRU whole, with an open number of steps.

To know what shapes `torch.lstm` and `torch.gru` give, torch's recorder runs them step by step, and so fixes the number
of steps. Here it is told the shapes instead. The operations stand in the recorded program as they are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch._C import DispatchKey
from torch._decomp import global_decomposition_table


def _outputs(x: Tensor, h: Tensor, parameters: list[Tensor], is_bidirectional: bool, batch_first: bool) -> Tensor:
    sizes = (*x.shape[:2], (2 if is_bidirectional else 1) * h.shape[-1])
    if batch_first:  # they lie with the steps first, as torch's kernels leave them
        return parameters[0].new_empty(sizes[1], sizes[0], sizes[2]).transpose(0, 1)
    return parameters[0].new_empty(sizes)


def _lstm(
    x: Tensor, states: list[Tensor], parameters: list[Tensor], has_biases: bool, num_layers: int, dropout: float,
    train: bool, bidirectional: bool, batch_first: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    y = _outputs(x, states[0], parameters, bidirectional, batch_first)
    return y, *(parameters[0].new_empty(state.shape) for state in states)  # type: ignore[return-value]  # two of them


def _gru(
    x: Tensor, h: Tensor, parameters: list[Tensor], has_biases: bool, num_layers: int, dropout: float,
    train: bool, bidirectional: bool, batch_first: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    return _outputs(x, h, parameters, bidirectional, batch_first), parameters[0].new_empty(h.shape)


@contextlib.contextmanager
def open_sequences() -> Iterator[None]:
    """Tell torch's recorder what LSTM and GRU give, for a while; what computes with values is not touched.

    Why it uses what torch keeps private: torch's own ONNX exporter does the same at the same two places, with a loop
    that it then compiles, at seconds a time. A wrong shape could not go unseen: each file is run and compared.
    """
    table: Any = global_decomposition_table["post_autograd"]
    key: Any = DispatchKey.CompositeImplicitAutograd
    before: list[tuple[dict[Any, Any], Any, Any]] = []
    for op, shapes in ((torch.ops.aten.lstm.input, _lstm), (torch.ops.aten.gru.input, _gru)):
        places: list[tuple[Any, Any]] = [(table, op), (op.py_kernels, key)]
        for place, where in places:
            before.append((place, where, place.get(where)))
            place[where] = shapes
        op._dispatch_cache.clear()
    try:
        yield
    finally:
        for place, where, value in before:
            if value is None:
                del place[where]
            else:
                place[where] = value
        for op in (torch.ops.aten.lstm.input, torch.ops.aten.gru.input):
            op._dispatch_cache.clear()
