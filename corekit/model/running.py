"""How a drawn model runs: numbered slots for the values, and calls over them in an order that works.

All that can be known before values come is worked out once, so that a call of a small layer is not paid twice.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from corekit.protocols.tree import leaves, map_tree


@dataclass(frozen=True)
class Slot:
    """Where a value of a running graph lies."""

    index: int


@dataclass
class Step:
    """One call of a running graph: what to call, on which slots, where the results go, which slots are done with."""

    operation: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: Any
    freed: tuple[int, ...] = ()

    @property
    def source(self) -> int:
        """The slot of the one argument, where the call is that simple; else -1."""
        simple = len(self.args) == 1 and isinstance(self.args[0], Slot) and not self.kwargs
        return self.args[0].index if simple and isinstance(self.outputs, Slot) else -1

    def line(self) -> Line:
        """Return the step as what can be known of it before values come."""
        target = self.outputs.index if isinstance(self.outputs, Slot) else -1
        takes_list = len(self.args) == 1 and type(self.args[0]) is list
        given = self.args[0] if takes_list else self.args
        plain = target >= 0 and not self.kwargs and all(isinstance(arg, Slot) for arg in given)
        return self.operation, self.source, tuple(arg.index for arg in given) if plain else (), takes_list, target, self


Line = tuple[Callable[..., Any], int, tuple[int, ...], bool, int, Step]
"""A call, the slot of its one argument (or -1), the slots of its arguments where each is one (or the members of the
one list) else (), whether they are a list, the slot of its result (or -1), and the step for all other cases."""


class Plan:
    """The calls of a graph, ready to run.

    Args:
        steps: the steps.
        size: the number of slots.
        inputs: structure of the slots that callers fill.
        outputs: structure of the slots that callers get.
    """

    def __init__(self, steps: list[Step], size: int, inputs: Any, outputs: Any) -> None:
        self.inputs, self.outputs, self.size = inputs, outputs, size
        self._lines = [step.line() for step in steps]
        self._row = [line[0] for line in self._lines] if self._is_row(steps) else None

    def calling(self, others: dict[int, Callable[..., Any]]) -> Plan:
        """Return a plan that calls something else at some steps, which `id` names."""
        if not others:
            return self
        plan = copy.copy(self)
        plan._lines = [(others.get(id(line[-1]), line[0]), *line[1:]) for line in self._lines]
        plan._row = None if self._row is None else [line[0] for line in plan._lines]
        return plan

    def run_on_tensor(self, x: Tensor) -> Any:
        """Compute the outputs of a graph with one input."""
        if self._row is None:
            return self.run([x])
        for call in self._row:
            x = call(x)
        return x

    def run(self, values: Iterable[Any]) -> Any:
        """Compute the outputs for a value of each input."""
        slots: list[Any] = [None] * self.size
        for slot, value in zip(leaves(self.inputs), values, strict=True):
            slots[slot.index] = value
        del values
        for call, source, sources, takes_list, target, step in self._lines:
            if source >= 0:
                slots[target] = call(slots[source])
            elif sources:
                given = [slots[index] for index in sources]
                slots[target] = call(given) if takes_list else call(*given)
                del given
            else:
                result = call(*fill(step.args, slots), **fill(step.kwargs, slots))
                for slot, value in zip(leaves(step.outputs), leaves(result), strict=True):
                    slots[slot.index] = value
            for index in step.freed:
                slots[index] = None
        return fill(self.outputs, slots)

    def _is_row(self, steps: list[Step]) -> bool:
        """Return whether each call takes what the one before it gives, so that no slots are needed."""
        last = self.inputs
        for step in steps:
            if not isinstance(last, Slot) or step.source != last.index:
                return False
            last = step.outputs
        return isinstance(last, Slot) and last == self.outputs


def fill(structure: Any, slots: Any) -> Any:
    """Return the structure with each Slot replaced by its value.

    Example:
        >>> fill([Slot(1), 5], {1: "x"})
        ['x', 5]
    """
    return map_tree(lambda value: slots[value.index] if isinstance(value, Slot) else value, structure)
