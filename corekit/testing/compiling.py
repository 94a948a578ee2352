"""Functions under torch's compiler, whole, and without compiling anew when a number changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from corekit.testing.case import Case
from corekit.testing.kit import fail

_WARM = 2


@contextmanager
def compiled(case: Case, function: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Give a function compiled as one graph; fail where it breaks, or is compiled anew after the second call.

    The backend needs no C++ compiler: what it checks is that torch can trace the function.

    Args:
        case: of which component.
        function: what to compile.
    """
    import torch._dynamo  # in a second, where it is needed

    torch._dynamo.reset()
    whole = torch.compile(function, fullgraph=True, backend="aot_eager")
    calls = 0

    def call(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        stance = "default" if calls <= _WARM else "fail_on_recompile"
        with torch.compiler.set_stance(stance):
            try:
                return whole(*args)
            except RuntimeError as error:
                if "recompile" not in str(error).lower():
                    raise
                fail(
                    case,
                    on=f"call {calls} of the compiled function",
                    expected="the graph of the calls before",
                    got="it is compiled anew each time: a Python number changes",
                    fix="Keep what changes from call to call in 0-d tensors.",
                )

    try:
        yield call
    except torch._dynamo.exc.TorchDynamoException as error:
        told = str(error).strip().splitlines()
        line = next((one.strip() for one in told if one.strip().startswith(("Explanation", "Hint"))), told[0])
        fail(
            case,
            on="torch.compile(fullgraph=True)",
            expected="one graph",
            got=f"a graph break: {told[0]} {line}",
            fix="Use tensor operations only: no .item(), no numpy, no print, no branch on values.",
        )
    finally:
        torch._dynamo.reset()
