"""A step as one compiled graph: forward, loss, backward, optimizer, metric sums. Called without guards where possible.

Guards (is every attribute still what it was when the graph was made?) are checked by `check`: right after loading, and
once per epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from corekit.protocols.tree import leaves
from corekit.training.data import Rows
from corekit.training.engine import inductor
from corekit.training.engine.capture import Capture, Step

NOT_CLOSED = "its graph reads or keeps things that are no tensors"


class CompiledStep:
    """A training step for batches of one shape. Until `load` it runs the captured operations one by one.

    Args:
        step: the eager step; what it changes, it changes in place.
        batch: batches like this one will be taken. Capturing makes this batch's step.

    Raises:
        CaptureError: the step cannot be one graph. Nothing was changed.
    """

    def __init__(self, step: Step, batch: Any) -> None:
        self._step = step
        self._capture = Capture(step)
        self._capture(batch)
        self._shapes = shapes(flat(batch))
        self._places = self._capture.places(batch)
        self._run: Callable[[list[Any]], Any] | None = None
        self._held: Any = None  # the arrays whose rows came last, and the graph's inputs with them in their places
        self._filled: list[Any] = []

    def fits(self, batch: Any) -> bool:
        """Return whether the batch has the shapes and dtypes that the step was made for."""
        return shapes(flat(batch)) == self._shapes

    @property
    def inputs(self) -> list[Tensor]:
        """What the graph reads and writes."""
        return self._capture.inputs

    @property
    def is_closed(self) -> bool:
        """Whether the graph reads and keeps nothing but tensors, so that it can stand alone."""
        return self._places is not None

    def graph(self) -> bytes:
        """Return the graph for another process to compile.

        Raises:
            CompilerError: it is not closed, or cannot be written.
        """
        if self._places is None:
            raise inductor.CompilerError(NOT_CLOSED)
        return inductor.as_bytes(self._capture.graph)

    def load(self, *, only_cached: bool = False) -> None:
        """Compile the graph, or fetch it from torch's cache.

        Raises:
            CompilerError: it cannot be; the step goes on as it was.
        """
        run = inductor.compile_graph(self.graph(), self.inputs, only_cached=only_cached)
        self._run = run
        self._capture.target = lambda *values: run(list(values))

    def guard(self) -> None:
        """Compile by torch's public way, guards and all, at the next step. For graphs that cannot stand alone."""
        self._capture = Capture(self._step, inductor.public_backend, dynamic=None)
        self._run, self._held = None, None

    def check(self, batch: Any) -> bool:
        """Make the step under guards, and return whether the graph still holds."""
        count = self._capture.count
        self._held = None
        self._capture(batch)
        return self._capture.count == count or self._run is None  # the guarded one has compiled anew

    def forget_data(self) -> None:
        """Let go of the batch, and of the arrays that it came from."""
        self._held, self._filled = None, []
        for place in self._places or ():
            if place >= 0:
                self._capture.inputs[place] = None

    def take(self, batch: Any) -> bool:
        """Make the step, if the batch fits; return whether it did."""
        if type(batch) is Rows and batch.held is self._held and batch.numbers.shape == self._shapes[-1][0]:
            values = self._filled.copy()  # the usual case, at a tenth of the cost
            values[self._places[-1]] = batch.numbers  # type: ignore[index]  # it is direct
            self._run(values)  # type: ignore[misc]  # as above
            return True
        tensors = flat(batch)
        if shapes(tensors) != self._shapes:
            return False
        if self._run is None:
            self._capture(batch)
            return True
        values = self._capture.inputs.copy()
        for place, tensor in zip(self._places or (), tensors, strict=True):
            if place >= 0:
                values[place] = tensor
        if type(batch) is Rows and min(self._places or (-1,)) >= 0:
            self._held, self._filled = batch.held, values.copy()
        self._run(values)
        return True


def flat(batch: Any) -> tuple[Tensor, ...]:
    """Return the batch's tensors in order; most batches are tuples of tensors already."""
    return batch if all(type(part) is Tensor for part in batch) else tuple(leaves(batch))


def shapes(tensors: tuple[Tensor, ...]) -> list[Any]:
    """Return what two batches share if one graph can serve both."""
    return [(tensor.shape, tensor.dtype) for tensor in tensors]
