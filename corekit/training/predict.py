"""Outputs for new data: `predict` and `predict_on_batch`. Free functions; a Model's methods call them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from corekit.errors import DataError
from corekit.model.model import Model
from corekit.protocols.tracing import no_grad
from corekit.protocols.tree import map_tree
from corekit.training import data as sources
from corekit.training.check import check_counts, check_inputs
from corekit.training.device import place
from corekit.training.watchers import listeners, tell, watchers_of

SMALL = 2**20
"""Numbers that all layers together may give for one batch. On 2 cores an LSTM of 1,700 a row was as fast with 128 rows
as with 608 and slower with 1,024; a convolutional model of 40,000 a row was within the noise between 32 and 1,024."""

MOST = 1024
"""Rows of a batch. A small MLP gained nothing beyond 512, ten small layers 15 % by 4,096."""


def predict(
    model: Model,
    x: Any,
    *,
    batch_size: int | None = None,
    verbose: str | int = "auto",
    steps: int | None = None,
    callbacks: Iterable[Any] | None = None,
) -> Any:
    """Return the outputs for every sample as numpy arrays, in the structure that the model gives.

    A model need not be compiled. Without a `batch_size` (or callbacks, which count batches) arrays go through a drawn
    model in batches of 32 to 1,024, the more the smaller the layers. Of a loader's batches only the first part is taken
    as input.
    """
    check_counts("predict", steps=steps, batch_size=batch_size)
    device = place(model)
    plain = callbacks is None and steps is None and isinstance(x, (np.ndarray, Tensor)) and x.ndim > 0
    if plain and 0 < len(x) <= (batch_size or sources.DEFAULT_BATCH):  # a service asks for one row at a time
        return _outputs(model, x, device, "predict")
    if batch_size is None and plain:
        batch_size = rows_at_once(model)
    given = sources.source(x, batch_size=batch_size, device=device, caller="predict")
    watchers = watchers_of(callbacks, None, model, {"steps": steps or given.steps, "verbose": verbose})
    found: list[Any] = []
    tell(watchers, "on_predict_begin")
    begins, ends = (listeners(watchers, f"on_predict_batch_{moment}") for moment in ("begin", "end"))
    with InferenceMode(model):
        for number, batch in enumerate(islice(given.batches(0), steps)):
            for hook in begins:
                hook(number)
            if number == 0:
                check_inputs(model, batch[0], "predict")
            found.append(map_tree(Tensor.detach, model.predict_step((batch[0],))))
            for hook in ends:
                hook(number)
    tell(watchers, "on_predict_end")
    if not found:
        raise DataError("predict: the data gave no batch.")
    return map_tree(lambda *parts: as_numpy(torch.cat(parts)), found[0], *found[1:])


def rows_at_once(model: Model) -> int:
    """Return how many rows a batch has where nobody said: as many as keep all outputs of a drawn model's layers small.

    The outputs are the same row by row, so Keras's 32 is a cost and no promise: for 10,000 rows of a small model 313
    calls where 10 do. A model that is not drawn, or has a step of its own, gets the 32.
    """
    if model.graph is None or type(model).predict_step is not Model.predict_step:
        return sources.DEFAULT_BATCH
    graphs = [part.graph for part in model.modules() if isinstance(part, Model) and part.graph is not None]
    row = sum(math.prod(size or 1 for size in spec.shape[1:]) for graph in graphs for spec in graph.specs)
    fitting = SMALL // max(row, 1) // sources.DEFAULT_BATCH * sources.DEFAULT_BATCH
    return min(max(fitting, sources.DEFAULT_BATCH), MOST)


def predict_on_batch(model: Model, x: Any) -> Any:
    """Return the outputs for one batch as numpy arrays."""
    return _outputs(model, x, place(model), "predict_on_batch")


def _outputs(model: Model, x: Any, device: torch.device, caller: str) -> Any:
    moved = sources.as_tensors(x, "x", caller)
    if device.type != "cpu":
        moved = map_tree(lambda t: t.to(device), moved)
    check_inputs(model, moved, caller)
    with InferenceMode(model):
        return map_tree(as_numpy, model.predict_step((moved,)))


class InferenceMode:
    """A context without gradients, in which no layer trains; each layer's flag comes back after it.

    Args:
        model: whose flags.
    """

    def __init__(self, model: Model) -> None:
        is_training = any(module.training for module in model.modules())
        self._contexts = (no_grad(), model._mode(False)) if is_training else (no_grad(),)

    def __enter__(self) -> None:
        for context in self._contexts:
            context.__enter__()

    def __exit__(self, *error: Any) -> None:
        for context in reversed(self._contexts):
            context.__exit__(*error)


def as_numpy(tensor: Tensor) -> np.ndarray[Any, Any]:
    """Return a tensor as a numpy array; bfloat16, which numpy lacks, as float32."""
    tensor = tensor.detach() if tensor.is_cpu else tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
