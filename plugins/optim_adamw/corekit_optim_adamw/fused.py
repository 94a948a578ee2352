"""torch's fused Adam kernel as Keras's AdamW, run in place by whoever calls: eager code, a compiled step, a CUDA graph.

The kernel has epsilon inside the bias correction, Keras outside. At step infinity the kernel's own correction is
exactly 1, so with the corrected rate as its learning rate it computes Keras's equations, and nobody reads the step.

Where the rate is a tensor, the kernel hides in an op of our own that says which lists it changes. A compiler then
calls it on the very parameters: torch's op, traced as it is, would be given copies, and the lines of `AdamW.update`,
compiled, take 1.7 times as long as the kernel on a CPU (weights of 784-128-10).
"""

import torch
from torch import Tensor

_SCHEMA = (
    "(Tensor(a!)[] params, Tensor[] grads, Tensor(b!)[] momenta, Tensor(c!)[] velocities, Tensor(d!)[] maxima, "
    "Tensor rate, Tensor? decay, Tensor infinity, float beta_1, float beta_2, float epsilon) -> ()"
)
_INFINITY = torch.tensor(torch.inf)


def fused_adamw_(
    params: list[Tensor],
    grads: list[Tensor],
    states: dict[str, list[Tensor]],
    *,
    rate: Tensor | float,
    decay: Tensor | float,
    betas: tuple[float, float],
    epsilon: float,
) -> None:
    """Take decay * w off each parameter w, then move it by Adam's equations, both in place.

    Args:
        params: of one device and dtype; each fills one block of memory.
        grads: with the parameters' strides.
        states: "momentum", "velocity" and, for AMSGrad, "velocity_hat", a list for each.
        rate: the learning rate with the bias correction; a number, or a 0-d tensor.
        decay: the learning rate times the weight decay; 0.0 for none. A tensor only where the rate is one.
        betas: shares of the old averages that stay.
        epsilon: outside the bias correction.

    Example:
        >>> weight, zeros = [torch.ones(1)], {"momentum": [torch.zeros(1)], "velocity": [torch.zeros(1)]}
        >>> fused_adamw_(weight, [torch.ones(1)], zeros, rate=0.1, decay=0.5, betas=(0.0, 0.0), epsilon=0.0)
        >>> weight
        [tensor([0.4000])]
    """
    momenta, velocities, maxima = states["momentum"], states["velocity"], states.get("velocity_hat", [])
    if not isinstance(rate, Tensor):
        share = float(decay) / rate if decay else 0.0
        _run(params, grads, momenta, velocities, maxima, _INFINITY, rate, share, betas, epsilon)
        return
    if not rate.is_cpu:
        if isinstance(decay, Tensor):
            torch._foreach_mul_(params, (1 - decay).to(params[0].dtype))
        rate, decay = rate.float(), 0.0
    given = decay if isinstance(decay, Tensor) else None
    infinity = torch.full_like(rate, torch.inf)
    lists = (params, grads, momenta, velocities, maxima)
    torch.ops.corekit_optim_adamw.fused_adamw_(*lists, rate, given, infinity, *betas, epsilon)


def _run(
    params: list[Tensor],
    grads: list[Tensor],
    momenta: list[Tensor],
    velocities: list[Tensor],
    maxima: list[Tensor],
    infinity: Tensor,
    rate: Tensor | float,
    decay_per_rate: float,
    betas: tuple[float, float],
    epsilon: float,
) -> None:
    torch._fused_adamw_(
        params,
        grads,
        momenta,
        velocities,
        maxima,
        [infinity] * len(params),
        lr=rate,
        beta1=betas[0],
        beta2=betas[1],
        weight_decay=decay_per_rate,  # the kernel multiplies it by its rate
        eps=epsilon,
        amsgrad=bool(maxima),
        maximize=False,
    )


def _on_cpu(
    params: list[Tensor],
    grads: list[Tensor],
    momenta: list[Tensor],
    velocities: list[Tensor],
    maxima: list[Tensor],
    rate: Tensor,
    decay: Tensor | None,
    infinity: Tensor,
    *numbers: float,
) -> None:
    number, beta_1, beta_2, epsilon = float(rate), *numbers
    share = float(decay) / number if decay is not None and number else 0.0
    _run(params, grads, momenta, velocities, maxima, infinity, number, share, (beta_1, beta_2), epsilon)


def _on_cuda(
    params: list[Tensor],
    grads: list[Tensor],
    momenta: list[Tensor],
    velocities: list[Tensor],
    maxima: list[Tensor],
    rate: Tensor,
    decay: None,
    infinity: Tensor,
    *numbers: float,
) -> None:
    beta_1, beta_2, epsilon = numbers
    _run(params, grads, momenta, velocities, maxima, infinity, rate, 0.0, (beta_1, beta_2), epsilon)


_library = torch.library.Library("corekit_optim_adamw", "DEF")  # type: ignore[no-untyped-call]  # torch's own gap
_library.define("fused_adamw_" + _SCHEMA, tags=(torch.Tag.needs_exact_strides,))  # type: ignore[no-untyped-call]  # torch's
_library.impl("fused_adamw_", _on_cpu, "CPU")  # type: ignore[no-untyped-call]  # torch's
_library.impl("fused_adamw_", _on_cuda, "CUDA")  # type: ignore[no-untyped-call]  # torch's
torch.library.register_fake("corekit_optim_adamw::fused_adamw_", lambda *arguments: None, lib=_library)
