"""A step captured as a CUDA graph: the device gets all its kernels by one launch, and the host does almost nothing.

Weights, optimizer and metric state are used where they lie. Batches are copied into the tensors of the captured one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from corekit.protocols.tree import leaves, map_tree
from corekit.training.engine.capture import Step
from corekit.training.engine.compiled import flat, shapes


class CudaGraphStep:
    """A training step for batches of one shape, replayed.

    A step must have run eagerly before, on a stream apart: libraries make their workspaces at the first call, and
    optimizers their state.

    Args:
        step: the eager or compiled step; it must not wait for the device, and change its state in place.
        batch: batches like this one will be taken. Capturing runs nothing: make the step of this batch by a call.

    Raises:
        RuntimeError: the step waits for the device, or does something else that cannot be captured.
    """

    def __init__(self, step: Step, batch: Any) -> None:
        self._batch = map_tree(lambda value: value.clone() if isinstance(value, Tensor) else value, batch)
        self._tensors = list(leaves(self._batch))
        self._shapes = shapes(flat(self._batch))
        self._graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        with torch.cuda.graph(self._graph):
            step(self._batch)

    def fits(self, batch: Any) -> bool:
        """Return whether the batch has the shapes and dtypes that the step was captured for."""
        return shapes(flat(batch)) == self._shapes

    def take(self, batch: Any) -> bool:
        """Make the step, if the batch fits; return whether it did."""
        if not self.fits(batch):
            return False
        torch._foreach_copy_(self._tensors, flat(batch), non_blocking=True)
        self._graph.replay()
        return True
