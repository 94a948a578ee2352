"""AdamW: Adam with weight decay that does not pass through its averages."""

from typing import Any

import torch
from torch import Tensor

from corekit import Optimizer

_FUSED_DEVICES = ("cpu", "cuda")
_FUSED_DTYPES = (torch.float32, torch.bfloat16, torch.float16)  # the kernel's rate is float32: too coarse for float64


class AdamW(Optimizer):
    """Adam with decoupled weight decay, and AMSGrad's variant.

    w = w - lr * d * w
    m = m + (1 - b1) * (g - m)
    v = v + (1 - b2) * (g^2 - v)
    w = w - a * m / (sqrt(v) + e)        a = lr * sqrt(1 - b2^t) / (1 - b1^t)

    w is a weight, g its gradient, m and v their averages (0 at first), t the count of the step from 1, lr
    `learning_rate`, d `weight_decay`, b1 `beta_1`, b2 `beta_2`, e `epsilon`. With `amsgrad` the largest v so far stands
    in for v in the last line. As in Keras e is the paper's "epsilon hat", outside the bias correction a; torch's is
    inside. `exclude_from_weight_decay(var_names=["bias"])` spares weights the first line.

    Args:
        learning_rate: lr; a number, a schedule, or, torch's way, the parameters.
        weight_decay: d, 0 or more; Keras's default is small, torch's is 0.01.
        beta_1: b1, from 0 to less than 1.
        beta_2: b2, from 0 to less than 1.
        epsilon: e, 0 or more; where gradients are of its size, it damps the steps.
        amsgrad: whether v may never shrink.
        kwargs: `lr`, `name`, as every optimizer has them.

    Raises:
        ArgumentTypeError: a number is due and something else came.
        ArgumentError: a number is out of its range.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
        >>> AdamW(learning_rate=0.1, weight_decay=0.5).bind([weight]).apply([torch.tensor([7.0])])
        >>> round(weight.item(), 4)
        0.85

    Reference: https://keras.io/api/optimizers/adamw/; Loshchilov & Hutter 2017, "Decoupled weight decay
    regularization", arXiv 1711.05101; Reddi et al. 2018, arXiv 1904.09237 (AMSGrad).
    """

    elementwise = True
    flat_limit = 0  # the fused kernel takes tensors as they lie: 16 of 64x64 on a CPU core 185 us a step, joined 361

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay=self.check_number("weight_decay", weight_decay), **kwargs)
        self.beta_1 = self.check_number("beta_1", beta_1, below=1)
        self.beta_2 = self.check_number("beta_2", beta_2, below=1)
        self.epsilon = self.check_number("epsilon", epsilon)
        self.amsgrad = amsgrad

    def init(self, param: Tensor) -> dict[str, Tensor]:
        """Return m as "momentum", v as "velocity" and, with `amsgrad`, the largest v as "velocity_hat"."""
        names = ["momentum", "velocity", *["velocity_hat"] * self.amsgrad]
        return {name: torch.zeros_like(param) for name in names}

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Tensor], learning_rate: Tensor) -> None:
        """Move one tensor by the equations above."""
        m = state["momentum"].lerp_(grad, 1 - self.beta_1)
        v = state["velocity"].lerp_(grad.square(), 1 - self.beta_2)
        if self.amsgrad:
            v = state["velocity_hat"].copy_(torch.maximum(state["velocity_hat"], v))
        param.sub_(self._corrected(learning_rate, state["step"]) * m / (v.sqrt() + self.epsilon))

    def update_many(
        self, params: list[Tensor], grads: list[Tensor], states: list[dict[str, Tensor]], learning_rate: Tensor
    ) -> None:
        """Move all tensors by torch's fused kernel, where there is one for them.

        The kernel's epsilon is inside the bias correction. At step infinity its correction is exactly 1, so with a
        as its learning rate it computes the equations above.
        """
        if not _has_fused_kernel(params):
            super().update_many(params, grads, states, learning_rate)
            return
        rate = self._corrected(learning_rate, states[0]["step"]).float()
        torch._fused_adamw_(
            params,
            grads,
            [state["momentum"] for state in states],
            [state["velocity"] for state in states],
            [state["velocity_hat"] for state in states] if self.amsgrad else [],
            [torch.full_like(rate, torch.inf)] * len(params),
            lr=rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            weight_decay=0.0,  # the base has taken it off
            eps=self.epsilon,
            amsgrad=self.amsgrad,
            maximize=False,
        )

    def _corrected(self, learning_rate: Tensor, step: Tensor) -> Tensor:
        """Return a: the learning rate with the correction for averages that start at 0."""
        rate: Tensor = learning_rate * (1 - self.beta_2**step).sqrt() / (1 - self.beta_1**step)
        return rate


def _has_fused_kernel(params: list[Tensor]) -> bool:
    """Whether the fused kernel of torch may update these tensors of one device and dtype.

    Not in code under a compiler, which fuses the plain lines itself, and not where a tensor's elements do not fill
    one block of memory (a slice of another): the kernel walks the block.
    """
    one = params[0]
    if torch.compiler.is_compiling() or one.device.type not in _FUSED_DEVICES or one.dtype not in _FUSED_DTYPES:
        return False
    return all(param.is_contiguous() or _is_dense(param) for param in params)


def _is_dense(param: Tensor) -> bool:
    return torch.empty_like(param, device="meta").stride() == param.stride()
