"""Errors of numbers as metrics: means of squares, roots of them, means of absolute values."""

from torch import Tensor

from corekit import Metric, example
from corekit_objectives.mean_absolute_error import mean_absolute_error as mean_absolute_error
from corekit_objectives.mean_squared_error import mean_squared_error as mean_squared_error


@example((3,), (3,))
@example((2, 3), (2, 3))
class MeanSquaredError(Metric):
    """Mean of the squared differences.

    result = mean((y_true - y_pred)^2)

    Args:
        name: how logs call it.
        dtype: of its state.

    Example:
        >>> import torch
        >>> MeanSquaredError()(torch.tensor([1.0, 2.0]), torch.tensor([[1.0], [4.0]]))
        tensor(2.)

    Reference: https://keras.io/api/metrics/regression_metrics/#meansquarederror-class
    """

    def __init__(self, name: str | None = "mean_squared_error", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return mean_squared_error(y_true, y_pred)


@example((3,), (3,))
@example((2, 3), (2, 3))
class RootMeanSquaredError(Metric):
    """Root of the mean of the squared differences, in the labels' own unit.

    result = sqrt(mean((y_true - y_pred)^2))

    Args:
        name: how logs call it.
        dtype: of its state.

    Example:
        >>> import torch
        >>> RootMeanSquaredError()(torch.tensor([[1.0], [2.0]]), torch.tensor([[4.0], [6.0]]))
        tensor(3.5355)

    Reference: https://keras.io/api/metrics/regression_metrics/#rootmeansquarederror-class
    """

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the squared error of each sample."""
        return mean_squared_error(y_true, y_pred)

    def result(self) -> Tensor:
        """Return the root of the mean so far."""
        return super().result().sqrt()


@example((3,), (3,))
@example((2, 3), (2, 3))
class MeanAbsoluteError(Metric):
    """Mean of the absolute differences.

    result = mean(|y_true - y_pred|)

    Args:
        name: how logs call it.
        dtype: of its state.

    Example:
        >>> import torch
        >>> MeanAbsoluteError()(torch.tensor([1.0, 2.0]), torch.tensor([[1.0], [4.0]]))
        tensor(1.)

    Reference: https://keras.io/api/metrics/regression_metrics/#meanabsoluteerror-class
    """

    def __init__(self, name: str | None = "mean_absolute_error", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return mean_absolute_error(y_true, y_pred)
