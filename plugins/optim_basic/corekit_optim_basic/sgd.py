"""Gradient descent, with momentum and Nesterov's variant of it."""

from typing import Any

import torch
from torch import Tensor

from corekit import Optimizer, example


@example()
@example(learning_rate=0.05, momentum=0.9)
@example(learning_rate=0.05, momentum=0.9, nesterov=True)
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
    fused = True  # 16 tensors of 64x64 on a CPU core: 131 us a step, joined 281

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

    def update_fused(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        states: dict[str, list[Tensor]],
        learning_rate: Tensor | float,
        *,
        step: Tensor | float,
        weight_decay: float,
    ) -> None:
        """Move all tensors by torch's fused kernel, or, where the rate is a tensor, by its lists: compilers fuse them.

        The kernel computes g' = g + d * w, v = m * v + g' and w = w - lr' * v. Without momentum that is Keras's rule,
        decay d included; with momentum the decay comes off before, and g = -lr * gradient, lr' = -1.
        """
        if isinstance(learning_rate, Tensor):
            self._update_lists(params, grads, states, learning_rate, weight_decay)
            return
        velocities = states.get("momentum", [])
        if self.momentum:
            if weight_decay:
                torch._foreach_mul_(params, 1 - learning_rate * weight_decay)
            grads = list(torch._foreach_mul(grads, -learning_rate))
        torch._fused_sgd_(
            params,
            grads,
            velocities,
            weight_decay=0.0 if self.momentum else weight_decay,
            momentum=self.momentum,
            lr=-1.0 if self.momentum else learning_rate,
            dampening=0.0,
            nesterov=self.nesterov,
            maximize=False,
            is_first_step=False,  # velocities start at 0, so the first step is as any other
        )

    def _update_lists(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        states: dict[str, list[Tensor]],
        learning_rate: Tensor,
        weight_decay: float,
    ) -> None:
        dtype = params[0].dtype
        if weight_decay:
            torch._foreach_mul_(params, (1 - learning_rate * weight_decay).to(dtype))
        changes = list(torch._foreach_mul(grads, (-learning_rate).to(dtype)))
        if self.momentum:
            velocities = states["momentum"]
            torch._foreach_mul_(velocities, self.momentum)
            torch._foreach_add_(velocities, changes)
            if self.nesterov:
                changes = list(torch._foreach_add(torch._foreach_mul(velocities, self.momentum), changes))
            else:
                changes = velocities
        torch._foreach_add_(params, changes)
