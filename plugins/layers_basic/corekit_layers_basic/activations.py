"""The activations: functions of one tensor, shape in, same shape out. Formulas and defaults are Keras's."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol, cast

import torch
from torch import Tensor
from torch.nn import functional

from corekit import Values, example, known_failure

P = ParamSpec("P")

WIDE = Values((4, 3), low=-3, high=3)
"""Covers the bends of all of them; what has no example of its own is tried with it too."""


class Linked(Protocol[P]):
    """An activation that says which cross-entropy takes its input, the logits, in its place."""

    link: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        """Return the activated tensor."""


def linked(link: str) -> Callable[[Callable[P, Tensor]], Linked[P]]:
    """Mark an activation with its `link`: losses whose `logits_for` is the same word are given its input instead.

    Example:
        >>> sigmoid.link
        'sigmoid'
    """

    def mark(function: Callable[P, Tensor]) -> Linked[P]:
        marked = cast("Linked[P]", function)
        marked.link = link
        return marked

    return mark


class Rising(Protocol[P]):
    """An activation that says that it never falls: where x is larger, its value is not smaller."""

    never_falls: bool

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        """Return the activated tensor."""


def rising(function: Callable[P, Tensor]) -> Rising[P]:
    """Mark an activation that never falls: it may change places with a maximum, such as a max pool's.

    Example:
        >>> relu.never_falls
        True
    """
    marked = cast("Rising[P]", function)
    marked.never_falls = True
    return marked


@example(WIDE)
@example(WIDE, negative_slope=0.1, max_value=2.0)
@example(WIDE, threshold=1.0)
@example(WIDE, negative_slope=0.1, max_value=2.0, threshold=0.5)
@rising
def relu(x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """Rectified linear unit: max(x, 0).

    In full: x where x > threshold, at most max_value; elsewhere negative_slope * (x - threshold).

    Args:
        x: any shape.
        negative_slope: the slope below the threshold.
        max_value: the largest result; None for no limit.
        threshold: where the function starts to rise.

    Example:
        >>> relu(torch.tensor([-10.0, -1.0, 1.0, 10.0]), negative_slope=0.5, max_value=6.0)
        tensor([-5.0000, -0.5000,  1.0000,  6.0000])

    Reference: https://keras.io/api/layers/activations/#relu-function
    """
    if max_value is None and threshold == 0:
        return functional.leaky_relu(x, negative_slope) if negative_slope else torch.relu(x)
    above = torch.relu(x) if threshold == 0 else torch.where(x <= threshold, 0, x)
    if max_value is not None:
        above = above.clamp(0, max_value)
    return above - negative_slope * torch.relu(threshold - x) if negative_slope else above


@rising
def relu6(x: Tensor) -> Tensor:
    """ReLU with a ceiling: min(max(x, 0), 6).

    Example:
        >>> relu6(torch.tensor([-1.0, 3.0, 9.0]))
        tensor([0., 3., 6.])

    Reference: https://keras.io/api/layers/activations/#relu6-function
    """
    return functional.relu6(x)


@example(WIDE)
@example(WIDE, negative_slope=0.4)
@rising
def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """ReLU that leaks: x where x > 0, else negative_slope * x. Torch's default slope is 0.01.

    Example:
        >>> leaky_relu(torch.tensor([-1.0, 3.0]))
        tensor([-0.2000,  3.0000])

    Reference: https://keras.io/api/layers/activations/#leaky_relu-function
    """
    return functional.leaky_relu(x, negative_slope)


@example(WIDE)
@example(WIDE, alpha=0.5)
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Exponential linear unit: x where x > 0, else alpha * (exp(x) - 1).

    Example:
        >>> elu(torch.tensor([-100.0, 3.0]))
        tensor([-1.,  3.])

    Reference: https://keras.io/api/layers/activations/#elu-function; Clevert et al., 2015, arXiv 1511.07289.
    """
    return functional.elu(x, alpha)


def selu(x: Tensor) -> Tensor:
    """Scaled exponential linear unit: 1.0507 * elu(x, 1.6733); keeps mean 0 and variance 1 with lecun_normal weights.

    Example:
        >>> selu(torch.tensor([-100.0, 1.0]))
        tensor([-1.7581,  1.0507])

    Reference: https://keras.io/api/layers/activations/#selu-function; Klambauer et al., 2017, arXiv 1706.02515.
    """
    return functional.selu(x)


@example(WIDE)
@example(WIDE, alpha=2.0)
def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """ELU with a continuous derivative: x where x > 0, else alpha * (exp(x / alpha) - 1).

    Example:
        >>> celu(torch.tensor([-100.0, 3.0]), alpha=2.0)
        tensor([-2.,  3.])

    Reference: https://keras.io/api/layers/activations/#celu-function; Barron, 2017, arXiv 1704.07483.
    """
    return functional.celu(x, alpha)


@example(WIDE)
@example(WIDE, approximate=True)
def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """Gaussian error linear unit: x * P(X <= x) for a standard normal X.

    Args:
        x: any shape.
        approximate: compute P with tanh, as the first Transformers did.

    Example:
        >>> gelu(torch.tensor([-1.0, 1.0]))
        tensor([-0.1587,  0.8413])

    Reference: https://keras.io/api/layers/activations/#gelu-function; Hendrycks, Gimpel, 2016, arXiv 1606.08415.
    """
    return functional.gelu(x, approximate="tanh" if approximate else "none")


def silu(x: Tensor) -> Tensor:
    """Sigmoid linear unit, also called swish: x * sigmoid(x).

    Example:
        >>> silu(torch.tensor([-1.0, 1.0]))
        tensor([-0.2689,  0.7311])

    Reference: https://keras.io/api/layers/activations/#silu-function; Ramachandran et al., 2017, arXiv 1710.05941.
    """
    return functional.silu(x)


def mish(x: Tensor) -> Tensor:
    """Mish: x * tanh(softplus(x)).

    Example:
        >>> mish(torch.tensor([-1.0, 1.0]))
        tensor([-0.3034,  0.8651])

    Reference: https://keras.io/api/layers/activations/#mish-function; Misra, 2019, arXiv 1908.08681.
    """
    return functional.mish(x)


@example(WIDE)
@example(WIDE, axis=0)
@linked("softmax")
def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Probabilities from logits: exp(x) / sum(exp(x)) along `axis`.

    Example:
        >>> softmax(torch.tensor([[0.0, 0.0]]))
        tensor([[0.5000, 0.5000]])

    Reference: https://keras.io/api/layers/activations/#softmax-function
    """
    return torch.softmax(x, dim=axis)


@example(WIDE)
@example(WIDE, axis=0)
def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """The logarithm of softmax, computed without overflow.

    Example:
        >>> log_softmax(torch.tensor([[0.0, 0.0]]))
        tensor([[-0.6931, -0.6931]])

    Reference: https://keras.io/api/layers/activations/#log_softmax-function
    """
    return torch.log_softmax(x, dim=axis)


@linked("sigmoid")
def sigmoid(x: Tensor) -> Tensor:
    """A probability from a logit: 1 / (1 + exp(-x)).

    Example:
        >>> sigmoid(torch.tensor([0.0]))
        tensor([0.5000])

    Reference: https://keras.io/api/layers/activations/#sigmoid-function
    """
    return torch.sigmoid(x)


def log_sigmoid(x: Tensor) -> Tensor:
    """The logarithm of sigmoid, computed without overflow.

    Example:
        >>> log_sigmoid(torch.tensor([-100.0, 0.0]))
        tensor([-100.0000,   -0.6931])

    Reference: https://keras.io/api/layers/activations/#log_sigmoid-function
    """
    return functional.logsigmoid(x)


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent, from -1 to 1.

    Example:
        >>> tanh(torch.tensor([-100.0, 0.0]))
        tensor([-1.,  0.])

    Reference: https://keras.io/api/layers/activations/#tanh-function
    """
    return torch.tanh(x)


def softplus(x: Tensor) -> Tensor:
    """A smooth ReLU: log(exp(x) + 1).

    Example:
        >>> softplus(torch.tensor([0.0, 100.0]))
        tensor([  0.6931, 100.0000])

    Reference: https://keras.io/api/layers/activations/#softplus-function
    """
    return functional.softplus(x)


def softsign(x: Tensor) -> Tensor:
    """A slow tanh: x / (|x| + 1).

    Example:
        >>> softsign(torch.tensor([-1.0, 3.0]))
        tensor([-0.5000,  0.7500])

    Reference: https://keras.io/api/layers/activations/#softsign-function
    """
    return functional.softsign(x)


def exponential(x: Tensor) -> Tensor:
    """The exponential function: exp(x).

    Example:
        >>> exponential(torch.tensor([0.0]))
        tensor([1.])

    Reference: https://keras.io/api/layers/activations/#exponential-function
    """
    return torch.exp(x)


def linear(x: Tensor) -> Tensor:
    """No activation: x.

    Example:
        >>> linear(torch.tensor([-2.0]))
        tensor([-2.])

    Reference: https://keras.io/api/layers/activations/#linear-function
    """
    return x


@known_failure("second_gradients", "torch's hardsigmoid has no second derivative")
def hard_sigmoid(x: Tensor) -> Tensor:
    """Sigmoid from three straight lines: min(max(x / 6 + 0.5, 0), 1).

    Example:
        >>> hard_sigmoid(torch.tensor([-3.0, 0.0, 3.0]))
        tensor([0.0000, 0.5000, 1.0000])

    Reference: https://keras.io/api/layers/activations/#hard_sigmoid-function
    """
    return functional.hardsigmoid(x)


def hard_silu(x: Tensor) -> Tensor:
    """Silu on hard_sigmoid, also called hard_swish: x * hard_sigmoid(x).

    Example:
        >>> hard_silu(torch.tensor([-3.0, 1.0, 3.0]))
        tensor([-0.0000, 0.6667, 3.0000])

    Reference: https://keras.io/api/layers/activations/#hard_silu-function; Howard et al., 2019, arXiv 1905.02244.
    """
    return functional.hardswish(x)


def hard_tanh(x: Tensor) -> Tensor:
    """Tanh from three straight lines: min(max(x, -1), 1).

    Example:
        >>> hard_tanh(torch.tensor([-3.0, 0.5, 3.0]))
        tensor([-1.0000,  0.5000,  1.0000])

    Reference: https://keras.io/api/layers/activations/#hard_tanh-function
    """
    return functional.hardtanh(x)
