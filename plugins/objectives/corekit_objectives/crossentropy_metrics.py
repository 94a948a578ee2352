"""The cross-entropies as metrics: watched, not minimised."""

import torch
from torch import Tensor

from corekit import Metric, Values, example
from corekit_objectives.binary_crossentropy import binary_crossentropy as binary_crossentropy
from corekit_objectives.categorical_crossentropy import categorical_crossentropy as categorical_crossentropy
from corekit_objectives.class_numbers import counted, mask_weight
from corekit_objectives.probabilities import check_smoothing
from corekit_objectives.sparse_categorical_crossentropy import (
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
)


@example(Values((3,), high=2, dtype="int64"), Values((3,), low=0.05, high=0.95))
@example(Values((3,), high=2, dtype="int64"), Values((3,), low=-3, high=3), from_logits=True, label_smoothing=0.1)
class BinaryCrossentropy(Metric):
    """Mean cross-entropy of probabilities and yes-or-no labels; the equation is `binary_crossentropy`'s.

    Args:
        name: how logs call it.
        dtype: of its state.
        from_logits: whether predictions are logits.
        label_smoothing: how far labels are drawn towards 0.5, from 0 to 1.

    Raises:
        ArgumentError: label_smoothing is no number from 0 to 1.

    Example:
        >>> BinaryCrossentropy()(torch.tensor([[1], [0]]), torch.tensor([[0.5], [0.5]]))
        tensor(0.6931)

    Reference: https://keras.io/api/metrics/probabilistic_metrics/#binarycrossentropy-class
    """

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.from_logits = from_logits
        self.label_smoothing = check_smoothing("BinaryCrossentropy", label_smoothing)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing)


@example(Values((3,), low=0), Values((3,), low=0.05, high=0.95))
@example(Values((3,), low=0), Values((3,), low=-3, high=3), from_logits=True, label_smoothing=0.1)
class CategoricalCrossentropy(Metric):
    """Mean cross-entropy of class probabilities and one-hot labels; the equation is `categorical_crossentropy`'s.

    Args:
        name: how logs call it.
        dtype: of its state.
        from_logits: whether predictions are logits.
        label_smoothing: how far labels are drawn towards equal shares, from 0 to 1.
        axis: the axis of the classes.

    Raises:
        ArgumentError: label_smoothing is no number from 0 to 1.

    Example:
        >>> CategoricalCrossentropy()(torch.tensor([[0, 1], [1, 0]]), torch.tensor([[0.5, 0.5], [0.25, 0.75]]))
        tensor(1.0397)

    Reference: https://keras.io/api/metrics/probabilistic_metrics/#categoricalcrossentropy-class
    """

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.from_logits = from_logits
        self.label_smoothing = check_smoothing("CategoricalCrossentropy", label_smoothing)
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


@example(Values((), high=3, dtype="int64"), Values((3,), low=0.05, high=0.95))
@example(Values((), high=3, dtype="int64"), Values((3,), low=-3, high=3), from_logits=True)
@example(Values((), high=3, dtype="int64"), Values((3,), low=0.05, high=0.95), ignore_class=1)
class SparseCategoricalCrossentropy(Metric):
    """Mean cross-entropy of class probabilities and class numbers; `sparse_categorical_crossentropy`'s equation.

    Args:
        name: how logs call it.
        dtype: of its state.
        from_logits: whether predictions are logits.
        ignore_class: a number in y_true that counts for nothing; the mean is over the others.
        axis: the axis of the classes.

    Example:
        >>> SparseCategoricalCrossentropy()(torch.tensor([1, 0]), torch.tensor([[0.5, 0.5], [0.25, 0.75]]))
        tensor(1.0397)

    Reference: https://keras.io/api/metrics/probabilistic_metrics/#sparsecategoricalcrossentropy-class
    """

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(name="total")
        self.count = self.add_variable(name="count")
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """Take a batch into account."""
        values = sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis)
        if self.ignore_class is not None:
            sample_weight = mask_weight(
                counted(y_true, torch.as_tensor(y_pred), self.ignore_class, self.axis), sample_weight
            )
        self.add_to_mean(values, sample_weight)
