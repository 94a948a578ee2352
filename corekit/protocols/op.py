"""An op: a named tensor function that layers and models call by name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from corekit.protocols.symbolic import find_symbolic


class Op:
    """A component of kind "ops" as users call it: the plugin's function, which also takes symbolic tensors.

    Args:
        function: a plain function of tensors or a torch custom op.
        name: the name it was looked up by.
    """

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.function = function
        self.name = name
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the op, or note it in the graph where an argument is symbolic."""
        symbol = find_symbolic(args, kwargs)
        if symbol is not None:
            return symbol.record(self, args, kwargs)
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def as_op(function: Callable[..., Any], name: str) -> Op:
    """Return `function` as an Op."""
    return Op(function, name)
