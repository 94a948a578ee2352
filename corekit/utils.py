"""Keras's `keras.utils`, whose name this is: Keras users write `utils.set_random_seed(0)`."""

import random

import numpy as np
import torch

from corekit.errors import ArgumentError, DataError
from corekit.model.register import register_keras_serializable


def set_random_seed(seed: int) -> None:
    """Seed Python, NumPy and torch (every device), so that weights, data order and dropout repeat.

    Args:
        seed: a whole number from 0 to 2**32 - 1.

    Example:
        >>> set_random_seed(1)
        >>> first = torch.rand(1)
        >>> set_random_seed(1)
        >>> torch.equal(torch.rand(1), first)
        True

    Reference: https://keras.io/api/utils/python_utils/#set_random_seed-function
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def to_categorical(x: object, num_classes: int | None = None) -> np.ndarray:
    """Return class numbers as one-hot rows.

    Shape: (batch, ...) or (batch, ..., 1) -> (batch, ..., num_classes).

    Args:
        x: whole numbers from 0; a list, an array or a tensor.
        num_classes: width of a row; default the largest number plus one.

    Raises:
        DataError: a label is negative, no whole number, or not below `num_classes`.
        ArgumentError: `num_classes` is no whole number.

    Example:
        >>> to_categorical([0, 2], num_classes=3)
        array([[1., 0., 0.],
               [0., 0., 1.]])

    Reference: https://keras.io/api/utils/python_utils/#to_categorical-function
    """
    if num_classes is not None and not isinstance(num_classes, (int, np.integer)):
        raise ArgumentError(f"to_categorical(num_classes={num_classes!r}): expected a whole number, such as 10.")
    given = x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)
    wrong = (
        given[~(given.astype("float64") % 1 == 0) | (given < 0)] if given.dtype.kind in "fiub" else given.reshape(-1)
    )
    if wrong.size:
        raise DataError(
            f"to_categorical: expected whole numbers from 0, got {wrong[0].item()!r}.\n"
            "  Write  numpy.unique(x, return_inverse=True)[1]  to number the classes first."
        )
    labels = given.astype("int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    width = num_classes if num_classes is not None else int(labels.max(initial=-1)) + 1
    if labels.size and labels.max() >= width:
        raise DataError(
            f"to_categorical(num_classes={width}): found label {labels.max()}, expected at most {width - 1}.\n"
            f"  Write num_classes={labels.max() + 1}, or count the labels from 0."
        )
    rows: np.ndarray = np.eye(width)[labels]
    return rows


__all__ = ["register_keras_serializable", "set_random_seed", "to_categorical"]
