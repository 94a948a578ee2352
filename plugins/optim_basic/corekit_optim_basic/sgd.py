"""Gradient descent, with momentum and Nesterov's variant of it."""

from typing import Any

import torch
from torch import Tensor

from corekit import Optimizer
from corekit_optim_basic.fused import has_fused_kernel


class SGD(Optimizer):
    """Gradient descent, optionally with momentum.

    Without momentum:  w = w - lr * g
    With momentum m:   v = m * v - lr * g;   w = w + v
    With nesterov:     v = m * v - lr * g;   w = w + m * v - lr * g

    w is a weight, g its gradient, v its velocity (0 at first), lr `learning_rate`, m `momentum`. As in Keras the
    learning rate is inside the velocity, where torch has it outside: the two part when the rate changes.

    Args:
        learning_rate: lr; a number, a schedule, or, torch's way, the parameters.
        momentum: m, from 0 to less than 1.
        nesterov: look ahead by one velocity; without momentum it changes nothing.
        kwargs: `weight_decay`, `lr`, `name`, as every optimizer has them.

    Raises:
        ArgumentTypeError: a number is due and something else came.
        ArgumentError: a number is out of its range.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
        >>> SGD(learning_rate=0.5).bind([weight]).apply([torch.tensor([1.0])])
        >>> weight.item()
        0.5

    Reference: https://keras.io/api/optimizers/sgd/; Sutskever et al., "On the importance of initialization and
    momentum in deep learning", ICML 2013.
    """

    elementwise = True
    flat_limit = 0  # the fused kernel takes tensors as they lie: 16 of 64x64 on a CPU core 131 us a step, joined 281

    def __init__(self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self.momentum = self.check_number("momentum", momentum, below=1)
        self.nesterov = nesterov

    def init(self, param: Tensor) -> dict[str, Tensor]:
        """Return the velocity, if there is momentum."""
        return {"momentum": torch.zeros_like(param)} if self.momentum else {}

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Tensor], learning_rate: Tensor) -> None:
        """Move one tensor by the equations above."""
        change = -learning_rate * grad
        if self.momentum:
            velocity = state["momentum"].mul_(self.momentum).add_(change)
            change = velocity * self.momentum + change if self.nesterov else velocity
        param.add_(change)

    def update_many(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        states: list[dict[str, Tensor]],
        learning_rate: Tensor,
    ) -> None:
        """Move all tensors by torch's fused kernel, where there is one for them.

        The kernel computes v = m * v + g' and w = w - lr' * v. With g' = -lr * g and lr' = -1 that is Keras's rule.
        """
        if not has_fused_kernel(params):
            super().update_many(params, grads, states, learning_rate)
            return
        velocities: list[Tensor] = []
        rate: Tensor | float = learning_rate.float()
        if self.momentum:
            velocities = [state["momentum"] for state in states]
            grads, rate = list(torch._foreach_mul(grads, (-learning_rate).to(grads[0].dtype))), -1.0
        torch._fused_sgd_(
            params,
            grads,
            velocities,
            weight_decay=0.0,  # the base has taken it off
            momentum=self.momentum,
            lr=rate,
            dampening=0.0,
            nesterov=self.nesterov,
            maximize=False,
            is_first_step=False,  # velocities start at 0, so the first step is as any other
        )
