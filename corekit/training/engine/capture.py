"""A training step as one graph, with the guards under which the graph holds. By torch's public compiler front end.

That front end takes 70 MB and more than a second to import, so it is imported by whoever captures, never before.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from corekit.protocols.tree import leaves

Step = Callable[[Any], Any]
Backend = Callable[[Any, list[Any]], Callable[..., Any]]


class CaptureError(RuntimeError):
    """A step cannot be one graph; the message says why, and where."""


def one_by_one(graph: Any, inputs: list[Any]) -> Callable[..., Any]:
    """Run a graph's operations as they stand: a backend that compiles nothing."""
    forward: Callable[..., Any] = graph.forward
    return forward


class Capture:
    """Runs a step under guards and keeps its graph.

    The first call captures. A later call whose guards fail (an attribute of a layer has changed) captures anew, and
    `count` tells. A call is always right; the backend, or who sets `target`, decides how fast it is.

    Args:
        step: a function of a batch that changes weights and metrics in place.
        backend: from the graph and its inputs to a function of these.
        dynamic: False makes a graph for the very numbers of the step; None lets numbers that change be inputs.

    Attributes:
        count: how many graphs were captured.
        graph: the newest, a `torch.fx.GraphModule`.
        inputs: what the graph was last called with: the batch's tensors, weights, optimizer and metric state.
        target: what runs in the graph's stead.

    Example:
        >>> def step(batch):
        ...     batch[0].add_(1)
        >>> batch = (torch.zeros(2),)
        >>> captured = Capture(step)
        >>> captured(batch)
        >>> captured(batch)
        >>> captured.count, batch[0].tolist()
        (1, [2.0, 2.0])
    """

    def __init__(self, step: Step, backend: Backend = one_by_one, dynamic: bool | None = False) -> None:
        self.count = 0
        self.graph: Any = None
        self.inputs: list[Any] = []
        self.target: Callable[..., Any] = one_by_one
        self._backend = backend
        self._guarded = torch.compile(_with_own_code(step), backend=self._receive, fullgraph=True, dynamic=dynamic)

    def __call__(self, batch: Any) -> Any:
        """Make the step; guards are checked, and a new graph is captured where they fail.

        Raises:
            CaptureError: the step cannot be one graph. It was not made.
        """
        from torch._dynamo import config, exc

        try:
            with config.patch(trace_autograd_ops=True):  # lets autograd.grad into the graph
                return self._guarded(batch)
        except exc.TorchDynamoException as error:
            raise CaptureError(where_it_breaks(error)) from error

    def places(self, batch: Any) -> list[int] | None:
        """Return where each tensor of the batch just run stands among the inputs; -1 where the graph does not use it.

        None where the graph is not closed: then it cannot be called without the Python code around it.
        """
        given = list(leaves(batch))
        tensors = all(isinstance(value, Tensor) for value in (*self.inputs, *given))
        if not tensors or len({id(value) for value in given}) != len(given) or self._gives_results():
            return None
        position = {id(value): place for place, value in enumerate(self.inputs)}
        return [position.get(id(value), -1) for value in given]

    def _receive(self, graph: Any, inputs: list[Any]) -> Callable[..., Any]:
        self.count += 1
        self.graph, self.target = graph, self._backend(graph, inputs)
        return self._call

    def _call(self, *values: Any) -> Any:
        self.inputs = list(values)
        return self.target(*values)

    def _gives_results(self) -> bool:
        """Return whether the graph has results: Python code after it would store them somewhere."""
        return any(node.op == "output" and any(True for _ in leaves(node.args)) for node in self.graph.graph.nodes)


def _with_own_code(step: Step) -> Step:
    """Return `step` with a code object of its own: torch keeps a short list of graphs for each code object."""

    def run(batch: Any) -> Any:
        return step(batch)

    return types.FunctionType(run.__code__.replace(), run.__globals__, "run", None, run.__closure__)


def where_it_breaks(error: BaseException) -> str:
    """Return in a line why torch could not make a graph of a step, and the user's line that was the reason."""
    lines = [line.strip() for line in str(error).splitlines()]
    places = [line for line in lines if line.startswith('File "') and "/corekit/" not in line and "/torch/" not in line]
    place = places[-1].replace('File "', "").replace('", line ', ":").partition(",")[0] if places else ""
    return first_line(error) + (f", at {place}" if place else "")


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return str(error).strip().partition("\n")[0]
