"""A model of a few weights for checks that train one; it needs no plugin."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import nn

from corekit.model.sequential import Sequential
from corekit.model.wrap import layer as as_layer


def small_model(shape: tuple[int, ...], *, features: int = 4, last: nn.Module | None = None) -> Any:
    """Return a linear model, equal for equal arguments.

    Args:
        shape: of its output, without the batch.
        features: of its input (batch, features).
        last: what is done to the output, such as a sigmoid.

    Example:
        >>> small_model((2, 3))(torch.zeros(5, 4)).shape
        torch.Size([5, 2, 3])
    """
    linear = nn.Linear(features, prod(shape))
    generator = torch.Generator("cpu").manual_seed(0)
    with torch.no_grad():
        for param in linear.parameters():
            param.copy_(torch.rand(param.shape, generator=generator) - 0.5)
    parts: list[nn.Module] = [linear]
    if len(shape) != 1:
        parts.append(nn.Unflatten(1, shape) if shape else nn.Flatten(0))
    if last is not None:
        parts.append(last)
    return Sequential([as_layer(nn.Sequential(*parts))])


def model_for(shape: tuple[int, ...], low: float | None, high: float | None) -> Any:
    """Return a small model whose outputs lie where an example's values do: from 0 to 1, from 0, or anywhere.

    Example:
        >>> bool((model_for((2,), 0.0, 1.0)(torch.full((1, 4), 9.0)) <= 1).all())
        True
    """
    if low is None or low < 0:
        return small_model(shape)
    return small_model(shape, last=nn.Sigmoid() if high is not None and high <= 1 else nn.Softplus())
