"""How the checks of layers make a layer, call it and measure it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from corekit.model.wrap import TorchLayer
from corekit.protocols.tree import map_tree
from corekit.testing.case import Case, leaves
from corekit.testing.kit import Skip


def built(case: Case, dtype: torch.dtype = torch.float32, **more: Any) -> Any:
    """Return the layer with weights that are not its first ones and state that has moved, in inference mode.

    Args:
        case: of which.
        dtype: of its weights.
        more: further arguments of the constructor.
    """
    torch.manual_seed(0)
    layer = case.make(**more)
    with torch.no_grad():
        layer(*case.inputs())
        layer.to(dtype)
        generator = torch.Generator("cpu").manual_seed(3)
        for weight in layer.parameters():
            noise = torch.rand(weight.shape, generator=generator, dtype=torch.float64) - 0.5
            weight.add_((0.5 * noise).to(weight.dtype))
        if next(layer.buffers(), None) is not None:
            layer(*case.inputs(dtype, seed=7), training=True)
    layer.clear_losses()
    return layer.eval()


def call(layer: Any, inputs: tuple[Any, ...], *, seed: int | None = None, training: bool | None = None) -> list[Tensor]:
    """Return the tensors that a layer gives; what it adds to the loss is forgotten."""
    if seed is not None:
        torch.manual_seed(seed)
    given = layer(*inputs) if training is None else layer(*inputs, training=training)
    layer.clear_losses()
    return leaves(given)


def total(outputs: list[Tensor]) -> Tensor:
    """Return one number to derive, in which each output weighs something else.

    Raises:
        Skip: no output is floating point.
    """
    sums = [
        (one * (1.5 + torch.cos(torch.arange(one.numel(), device=one.device)).to(one.dtype).reshape(one.shape))).sum()
        for one in outputs
        if one.is_floating_point()
    ]
    if not sums:
        raise Skip("no output is floating point")
    return torch.stack(sums).sum()


def gradients(layer: Any, inputs: tuple[Any, ...], run: Callable[..., Any] | None = None) -> list[Tensor]:
    """Return the gradients of all weights and floating-point inputs; zeros where nothing depends on one.

    Args:
        layer: whose weights.
        inputs: of the call.
        run: what to call; default the layer.
    """
    leaf_inputs = map_tree(_leaf, inputs)
    result = total(leaves((run or layer)(*leaf_inputs)))
    wanted = [one for one in (*leaves(leaf_inputs), *layer.parameters()) if one.requires_grad]
    if not wanted or not result.requires_grad:
        return []
    found = torch.autograd.grad(result, wanted, allow_unused=True)
    return [torch.zeros_like(one) if grad is None else grad for one, grad in zip(wanted, found, strict=True)]


def state_of(layer: Any) -> dict[str, Tensor]:
    """Return copies of all weights and state by name."""
    return {name: value.detach().clone() for name, value in layer.state_dict().items() if isinstance(value, Tensor)}


def is_random(layer: Any, inputs: tuple[Any, ...]) -> bool:
    """Return whether a training call depends on torch's generator."""
    with torch.no_grad():
        one, other = (call(layer, inputs, seed=seed, training=True) for seed in (1, 2))
    return any(not torch.equal(a, b) for a, b in zip(one, other, strict=True) if not a.isnan().any())


def is_foreign(layer: Any) -> bool:
    """Return whether it is a plain torch module, which has its weights from the start."""
    return isinstance(layer, TorchLayer)


def row(inputs: tuple[Any, ...], index: int) -> Any:
    """Return the inputs of one sample, as a batch of one."""
    return map_tree(lambda tensor: tensor[index : index + 1], inputs)


def _leaf(value: Any) -> Any:
    floating = isinstance(value, Tensor) and value.is_floating_point()
    return value.detach().requires_grad_() if floating else value
