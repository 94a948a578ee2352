"""The loops: `fit`, `evaluate`, `predict` and their one-batch forms. Free functions; a Model's methods call them.

for epoch in epochs:
    for batch in data:  step(batch)        # sums stay on the device
    validate; read the sums; tell the callbacks
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from corekit.errors import ArgumentError, ArgumentTypeError, DataError
from corekit.model.model import Model
from corekit.protocols.callback import Callback
from corekit.protocols.optimizer import Optimizer
from corekit.protocols.tree import map_tree
from corekit.training import data as sources
from corekit.training.ahead import fetched_ahead
from corekit.training.check import check_counts, check_finite_loss, check_inputs, refuse_not_finite
from corekit.training.data import Batch, Source
from corekit.training.device import choose
from corekit.training.history import History, LazyLogs
from corekit.training.progress import ProgressBar
from corekit.training.trainer import Trainer, has_own_step


def fit(
    model: Model,
    x: Any = None,
    y: Any = None,
    *,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: str | int = "auto",
    callbacks: Iterable[Any] | None = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: dict[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int = 1,
) -> History:
    """Train a compiled model.

    Args:
        model: compiled; one that is not built is built from the first batch.
        x: arrays or tensors (a list or dict for several inputs), a torch Dataset or DataLoader, or an iterable of
            batches.
        y: labels; left out where x brings its own.
        batch_size: samples per step; default 32, as in Keras. A DataLoader has its own.
        epochs: number of the last epoch; with `initial_epoch`, fewer are run.
        verbose: 0 silent, 1 or "auto" a progress bar, 2 a line per epoch.
        callbacks: objects with the hooks of `corekit.Callback`.
        validation_split: share of the samples, the last ones, that is only evaluated.
        validation_data: `(x, y)`, `(x, y, sample_weight)` or a loader, evaluated after each epoch.
        shuffle: whether each epoch has an order of its own; drawn from torch's generator, so
            `utils.set_random_seed` makes it repeat.
        class_weight: class number -> weight of its samples in the loss.
        sample_weight: one number per sample.
        initial_epoch: number of the first epoch.
        steps_per_epoch: batches per epoch, for data without an end.
        validation_steps: batches per validation.
        validation_batch_size: default `batch_size`.
        validation_freq: validate after every so many epochs.

    Returns:
        The History of losses and metrics.

    Raises:
        StateError: the model is not compiled.
        DataError: data that is empty, of unequal lengths, not finite or of an unknown type.
        ShapeError: data that does not fit the model or the loss.
    """
    trainer = _ready(model, x, "fit")
    if trainer.optimizer is None and not has_own_step(model, "train"):
        raise ArgumentError('fit needs an optimizer:  model.compile(optimizer="adam", loss=...).')
    check_counts("fit", least=0, epochs=epochs, initial_epoch=initial_epoch)
    check_counts("fit", steps_per_epoch=steps_per_epoch, validation_steps=validation_steps)
    check_counts("fit", validation_freq=validation_freq, validation_batch_size=validation_batch_size)
    held_out: Any = None
    if validation_data is not None:  # it wins over a split, as in Keras
        held_out = validation_data if isinstance(validation_data, (tuple, list)) else (validation_data,)
    elif validation_split:
        (x, y, sample_weight), held_out = sources.split(x, y, sample_weight, validation_split)
    train = _source(model, trainer, x, y, sample_weight, batch_size, "fit", shuffle, class_weight)
    if held_out is not None:
        vx, vy, vw = (*held_out, None, None)[:3]
        validation = _source(model, trainer, vx, vy, vw, validation_batch_size or batch_size, "fit validation")
    steps = steps_per_epoch or train.steps
    history = History()
    watchers = _watchers(callbacks, history, model, {"epochs": epochs, "steps": steps, "verbose": verbose})
    bar = ProgressBar(verbose, "Epoch", epochs, steps)
    batches = _endless(train) if steps_per_epoch else None
    model.stop_training = False
    logs: Mapping[str, float] = {}
    _tell(watchers, "on_train_begin")
    try:
        for epoch in range(initial_epoch, epochs):
            _tell(watchers, "on_epoch_begin", epoch)
            bar.start(epoch)
            feed = _ahead(train.batches(epoch) if batches is None else islice(batches, steps_per_epoch), train, trainer)
            left = None if steps is None else steps * (epochs - epoch)
            logs = _pass(model, trainer, feed, watchers, "train", bar, left)
            check_finite_loss(logs, epoch)
            if held_out is not None and (epoch + 1) % validation_freq == 0:
                feed = _ahead(islice(validation.batches(0), validation_steps), validation, trainer)
                found = _pass(model, trainer, feed, watchers, "test", None)
                logs = {**logs, **{f"val_{name}": value for name, value in found.items()}}
            bar.finish(logs)
            _tell(watchers, "on_epoch_end", epoch, logs)
            if model.stop_training:
                break
    finally:
        bar.stop()
    if isinstance(trainer.optimizer, Optimizer) and trainer.optimizer.use_ema and epochs > initial_epoch:
        trainer.optimizer.finalize_variable_values()
    _tell(watchers, "on_train_end", logs)
    return history


def evaluate(
    model: Model,
    x: Any = None,
    y: Any = None,
    *,
    batch_size: int | None = None,
    verbose: str | int = "auto",
    sample_weight: Any = None,
    steps: int | None = None,
    callbacks: Iterable[Any] | None = None,
) -> dict[str, float]:
    """Return loss and metrics by name; data and arguments as for `fit`."""
    trainer = _ready(model, x, "evaluate")
    check_counts("evaluate", steps=steps)
    given = _source(model, trainer, x, y, sample_weight, batch_size, "evaluate")
    watchers = _watchers(callbacks, None, model, {"steps": steps or given.steps, "verbose": verbose})
    bar = ProgressBar(verbose, "", 1, steps or given.steps)
    bar.start(0)
    try:
        feed = _ahead(islice(given.batches(0), steps), given, trainer)
        logs = _pass(model, trainer, feed, watchers, "test", bar)
        bar.finish(logs)
    finally:
        bar.stop()
    return logs


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

    A model need not be compiled. Of a loader's batches only the first part is taken as input.
    """
    check_counts("predict", steps=steps, batch_size=batch_size)
    device = _place(model)
    plain = callbacks is None and steps is None and isinstance(x, (np.ndarray, Tensor)) and x.ndim > 0
    if plain and 0 < len(x) <= (batch_size or sources.DEFAULT_BATCH):  # a service asks for one row at a time
        return _outputs(model, x, device, "predict")
    given = sources.source(x, batch_size=batch_size, device=device, caller="predict")
    watchers = _watchers(callbacks, None, model, {"steps": steps or given.steps, "verbose": verbose})
    found: list[Any] = []
    _tell(watchers, "on_predict_begin")
    begins, ends = (_listeners(watchers, f"on_predict_batch_{moment}") for moment in ("begin", "end"))
    with _inference(model):
        for number, batch in enumerate(islice(given.batches(0), steps)):
            for tell in begins:
                tell(number)
            if number == 0:
                check_inputs(model, batch[0], "predict")
            found.append(map_tree(Tensor.detach, model.predict_step((batch[0],))))
            for tell in ends:
                tell(number)
    _tell(watchers, "on_predict_end")
    if not found:
        raise DataError("predict: the data gave no batch.")
    return map_tree(lambda *parts: as_numpy(torch.cat(parts)), found[0], *found[1:])


def train_on_batch(
    model: Model, x: Any, y: Any = None, *, sample_weight: Any = None, class_weight: dict[int, float] | None = None
) -> dict[str, float]:
    """Make one optimizer step; return the logs of this batch."""
    trainer = _ready(model, x, "train_on_batch")
    batch = _one_batch(model, trainer, x, y, sample_weight, class_weight, "train_on_batch")
    trainer.prepare(batch, "train")
    model.reset_metrics()
    model.train()
    try:
        return dict(LazyLogs(model.train_step(batch)))
    finally:
        _rest(model)


def test_on_batch(model: Model, x: Any, y: Any = None, *, sample_weight: Any = None) -> dict[str, float]:
    """Return the logs of one batch."""
    trainer = _ready(model, x, "test_on_batch")
    batch = _one_batch(model, trainer, x, y, sample_weight, None, "test_on_batch")
    trainer.prepare(batch, "test")
    model.reset_metrics()
    with _inference(model):
        return dict(LazyLogs(model.test_step(batch)))


def predict_on_batch(model: Model, x: Any) -> Any:
    """Return the outputs for one batch as numpy arrays."""
    return _outputs(model, x, _place(model), "predict_on_batch")


# Inside


def _outputs(model: Model, x: Any, device: torch.device, caller: str) -> Any:
    moved = map_tree(lambda t: t.to(device), sources.as_tensors(x, "x", caller))
    check_inputs(model, moved, caller)
    with _inference(model):
        return map_tree(as_numpy, model.predict_step((moved,)))


def _pass(
    model: Model,
    trainer: Trainer,
    feed: Iterable[Batch],
    watchers: list[Any],
    mode: str,
    bar: ProgressBar | None,
    left: int | None = None,
) -> dict[str, float]:
    """Go through the data once, training or evaluating, and return what the metrics say."""
    step = _step_of(model, trainer, mode)
    begins, ends = (_listeners(watchers, f"on_{mode}_batch_{moment}") for moment in ("begin", "end"))
    if mode == "test":
        _tell(watchers, "on_test_begin")
    model.train(mode == "train")
    number = -1
    read: Callable[[], Any] = dict
    try:
        for number, batch in enumerate(feed):
            if number == 0:
                check_inputs(model, batch[0], "fit" if mode == "train" else "evaluate")
                trainer.prepare(batch, mode, left)
                model.reset_metrics()
            for tell in begins:
                tell(number, {})
            read = step(batch)
            for tell in ends:
                tell(number, LazyLogs(read()))
            if bar is not None:
                bar.step(read)
            if mode == "train" and model.stop_training:
                break
    finally:
        _rest(model)
    if number < 0:
        raise DataError(
            "the data gave no batch. A generator that has ended cannot be used again: give a DataLoader, or "
            "steps_per_epoch and a generator without an end."
        )
    logs = dict(LazyLogs(read()))
    if mode == "test":
        _tell(watchers, "on_test_end", logs)
    return logs


def _step_of(model: Model, trainer: Trainer, mode: str) -> Callable[[Batch], Callable[[], Any]]:
    """Return the step as a function from a batch to a reader of logs. Nothing is read unless the reader is called."""
    if has_own_step(model, mode):
        own: Callable[[Batch], Mapping[str, Any]] = getattr(model, f"{mode}_step")

        def overridden(batch: Batch) -> Callable[[], Any]:
            logs = own(batch) if mode == "train" else _without_gradient(own, batch)
            return lambda: logs

        return overridden
    default = trainer.step if mode == "train" else trainer.evaluate

    def step(batch: Batch) -> Callable[[], Any]:
        default(batch)
        return trainer.logs

    return step


def _without_gradient(function: Callable[[Batch], Any], batch: Batch) -> Any:
    with torch.no_grad():
        return function(batch)


def _ready(model: Model, x: Any, caller: str) -> Trainer:
    trainer = model.trainer
    if x is None:
        raise DataError(f"{caller}: there is no data. Write  model.{caller}(x, y).")
    _place(model)
    return trainer


def _place(model: Model) -> torch.device:
    """Bring the model to where it computes, which the user may have changed since `compile`."""
    trainer = model._trainer
    device = trainer.device if trainer is not None and trainer.device_was_given else choose(model)
    if trainer is not None:
        trainer.device = device
    if model.device != device:
        torch.nn.Module.to(model, device)  # not Model.to, which is the user's word
    return device


def _rest(model: Model) -> None:
    """Leave the model in inference mode, without the graph of its last step."""
    model.eval()
    model.clear_losses()


def _source(
    model: Model,
    trainer: Trainer,
    x: Any,
    y: Any,
    sample_weight: Any,
    batch_size: int | None,
    caller: str,
    shuffle: bool = False,
    class_weight: dict[int, float] | None = None,
) -> Source:
    check_counts(caller, batch_size=batch_size)
    made = sources.source(
        x,
        y,
        sample_weight,
        batch_size=batch_size,
        device=trainer.device,
        shuffle=shuffle,
        class_weight=class_weight,
        caller=caller,
    )
    if made.samples is not None:
        parts = {"y": y, "sample_weight": sample_weight, "x": x}
        refuse_not_finite(model, parts, trainer.device, caller)
    return made


def _one_batch(
    model: Model, trainer: Trainer, x: Any, y: Any, sample_weight: Any, class_weight: Any, caller: str
) -> Batch:
    count = sources.check_lengths({"x": sources.as_tensors(x, "x", caller)}, caller)
    given = _source(model, trainer, x, y, sample_weight, count, caller, class_weight=class_weight)
    return next(given.batches(0))


def _ahead(feed: Iterable[Batch], source: Source, trainer: Trainer) -> Iterable[Batch]:
    """Return the batches of a pass, made in a thread where they are not just parts of arrays; CUDA does not wait."""
    return fetched_ahead(feed) if source.samples is None and trainer.device.type == "cpu" else feed


def _endless(source: Source) -> Iterator[Batch]:
    """Yield batches without end, so that `steps_per_epoch` may cut epochs anywhere."""
    epoch = 0
    while True:
        empty = True
        for batch in source.batches(epoch):
            empty = False
            yield batch
        if empty:
            return
        epoch += 1


class _inference:  # noqa: N801 - used like a function; contextlib's way costs as much as a layer
    """Run in inference mode, without gradients, and bring the training flag back."""

    def __init__(self, model: Model) -> None:
        is_training = any(module.training for module in model.modules())
        self._contexts = (torch.no_grad(), model._mode(False if is_training else None))

    def __enter__(self) -> None:
        for context in self._contexts:
            context.__enter__()

    def __exit__(self, *error: Any) -> None:
        for context in reversed(self._contexts):
            context.__exit__(*error)


def as_numpy(tensor: Tensor) -> np.ndarray[Any, Any]:
    """Return a tensor as a numpy array; bfloat16, which numpy lacks, as float32."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _watchers(
    callbacks: Iterable[Any] | None, history: History | None, model: Model, params: dict[str, Any]
) -> list[Any]:
    given = list(callbacks) if isinstance(callbacks, Iterable) else [] if callbacks is None else [callbacks]
    watchers = given if history is None else [*given, history]  # last: it notes what others add to the logs
    for watcher in watchers:
        if not isinstance(watcher, Callback):
            raise ArgumentTypeError(
                f"callbacks: got {watcher!r}; expected objects of corekit.Callback classes, such as "
                "corekit.callbacks.EarlyStopping()."
            )
        watcher.set_params(params)
        watcher.set_model(model)
    return watchers


def _listeners(watchers: list[Any], hook: str) -> list[Callable[..., Any]]:
    """Return the hooks that somebody wrote: an inherited empty one is never called."""
    found = [getattr(watcher, hook) for watcher in watchers]
    empty = getattr(Callback, hook)
    return [method for method in found if getattr(method, "__func__", None) is not empty]


def _tell(watchers: list[Any], hook: str, *args: Any) -> None:
    for method in _listeners(watchers, hook):
        method(*args)
