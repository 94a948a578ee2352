"""What training and saving may ask of a model, and nothing more: whatever has these can be trained and saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor


class TrainableModel(Protocol):
    """The face of a model towards the training engine and the file format."""

    name: str
    built: bool
    training: bool
    stop_training: bool
    output_names: list[str]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs."""

    def logits(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs without the activations that `link_activation` names."""

    @property
    def link_activation(self) -> Any:
        """The activation of the output (a list for several outputs), or None where there is none to skip."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""

    @property
    def losses(self) -> list[Tensor]:
        """Penalties to add to the loss."""

    def clear_losses(self) -> None:
        """Forget what calls added to the losses."""

    def constrain_weights(self) -> None:
        """Apply the weights' constraints."""

    def parameters(self, recurse: bool = True) -> Iterator[torch.nn.Parameter]:
        """Yield the trainable tensors."""

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, torch.nn.Parameter]]:
        """Yield them with their names."""

    def train(self, mode: bool = True) -> Any:
        """Set the training flag of the whole tree."""

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Move the weights."""

    def state_dict(self) -> dict[str, Any]:
        """Return the weights by name."""

    train_step: Callable[..., Any]
    test_step: Callable[..., Any]
    predict_step: Callable[..., Any]
