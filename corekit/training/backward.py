"""Gradients of a loss: `torch.autograd.grad` without what it asks first.

Before it starts autograd's engine, torch looks in Python for tensor subclasses, nested tensors and other shapes than
(): 17 of the 42 us that the whole call takes for a small layer, and 53 of 131 where the kernels before it have emptied
the caches. A loss is a 0-d tensor, so the engine is called as torch itself calls it. In versions of torch that were not
tested, and where a compiler reads along, the public function does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Variable

from corekit.training.torch_version import is_tested

_engine: Any = Variable._execution_engine.run_backward if is_tested() else None


def gradients(loss: Tensor, params: Sequence[Any]) -> Sequence[Tensor | None]:
    """Return the gradient of a 0-d loss by each parameter, None where the loss does not depend on it.

    Raises:
        RuntimeError: nothing that the loss depends on requires a gradient.

    Example:
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> gradients((w * w).sum(), [w])
        (tensor([2., 4.]),)
    """
    if _engine is None or type(loss) is not Tensor or torch.compiler.is_dynamo_compiling():
        return torch.autograd.grad(loss, params, allow_unused=True)
    retain_graph, create_graph, allow_unused = False, False, True
    found: tuple[Tensor | None, ...] = _engine(
        (loss,), (torch.ones_like(loss),), retain_graph, create_graph, tuple(params), allow_unused,
        accumulate_grad=False,
    )  # fmt: skip
    return found
