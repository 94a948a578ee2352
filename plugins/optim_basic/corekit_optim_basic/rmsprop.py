"""RMSprop: steps divided by a running root mean square of the gradient."""

from typing import Any

import torch
from torch import Tensor

from corekit import Optimizer, example


@example()
@example(learning_rate=0.01, rho=0.8, momentum=0.5, epsilon=1e-5, centered=True)
class RMSprop(Optimizer):
    """RMSprop, optionally with momentum and centered.

    v = r * v + (1 - r) * g^2
    u = r * u + (1 - r) * g              with centered, else u = 0
    s = p * s + lr * g / sqrt(v - u^2 + e)
    w = w - s

    w is a weight, g its gradient, v and u their averages and s the step (all 0 at first), lr `learning_rate`,
    r `rho`, p `momentum`, e `epsilon`. v - u^2, a variance, is kept from falling below 0 by rounding, which in Keras
    ends in NaN where a gradient stays the same for long.

    Args:
        learning_rate: lr; a number, a schedule, or, torch's way, the parameters.
        rho: r, from 0 to less than 1.
        momentum: p, from 0 to less than 1.
        epsilon: e, 0 or more; inside the root.
        centered: divide by the deviation of the gradient rather than by its size; one more tensor per weight.
        kwargs: `weight_decay`, `lr`, `name`, as every optimizer has them.

    Raises:
        ArgumentTypeError: a number is due and something else came.
        ArgumentError: a number is out of its range.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([10.0]))
        >>> RMSprop(learning_rate=0.1).bind([weight]).apply([torch.tensor([10.0])])
        >>> round(weight.item(), 4)
        9.6838

    Reference: https://keras.io/api/optimizers/rmsprop/; Hinton 2012, "Neural networks for machine learning",
    lecture 6e; Graves 2013 (centered), arXiv 1308.0850.
    """

    elementwise = True

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.rho = self.check_number("rho", rho, below=1)
        self.momentum = self.check_number("momentum", momentum, below=1)
        self.epsilon = self.check_number("epsilon", epsilon)
        self.centered = centered

    def init(self, param: Tensor) -> dict[str, Tensor]:
        """Return v as "velocity" and, where they are needed, s as "momentum" and u as "average_gradient"."""
        names = ["velocity", *["momentum"] * (self.momentum > 0), *["average_gradient"] * self.centered]
        return {name: torch.zeros_like(param) for name in names}

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Tensor], learning_rate: Tensor) -> None:
        """Move one tensor by the equations above."""
        variance = state["velocity"].mul_(self.rho).addcmul_(grad, grad, value=1 - self.rho)
        if self.centered:
            mean = state["average_gradient"].lerp_(grad, 1 - self.rho)
            variance = (variance - mean.square()).clamp(min=0)
        change = (variance + self.epsilon).rsqrt_().mul_(grad).mul_(learning_rate)
        if self.momentum:
            change = state["momentum"].mul_(self.momentum).add_(change)
        param.sub_(change)
