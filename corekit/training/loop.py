"""The loops: `fit`, `evaluate` and their one-batch forms. Free functions; a Model's methods call them.

for epoch in epochs:
    for batch in data:  step(batch)        # sums stay on the device
    validate; read the sums; tell the callbacks
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from typing import Any

import torch

from corekit.errors import ArgumentError, DataError
from corekit.model.model import Model
from corekit.protocols.optimizer import Optimizer
from corekit.registry import registry
from corekit.training import data as sources
from corekit.training.ahead import fetched_ahead
from corekit.training.allocation import KeptMemory
from corekit.training.check import check_counts, check_finite_loss, check_inputs, refuse_not_finite
from corekit.training.data import Batch, Rows, Source
from corekit.training.denormals import FlushedDenormals
from corekit.training.device import place
from corekit.training.history import History, LazyLogs
from corekit.training.predict import InferenceMode
from corekit.training.progress import ProgressBar
from corekit.training.ranks import check_same_plugins
from corekit.training.trainer import Trainer, has_own_step
from corekit.training.watchers import listeners, tell, watchers_of


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

    On a CPU, while it lasts, numbers below 1e-38 are taken as zeros (arithmetic with them is 40 times as slow), memory
    that a step frees stays for the next one, and loaders and generators are read by a thread, one batch ahead, unless
    they draw from torch's random generator.

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
        StateError: other ranks of `torch.distributed` have other plugins.
        DataError: data that is empty, of unequal lengths, not finite or of an unknown type.
        ShapeError: data that does not fit the model or the loss.
    """
    trainer = _ready(model, x, "fit")
    check_same_plugins()
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
    watchers = watchers_of(callbacks, history, model, {"epochs": epochs, "steps": steps, "verbose": verbose})
    bar = ProgressBar(verbose, "Epoch", epochs, steps)
    batches = _endless(train) if steps_per_epoch else None
    made = train.batches if train.rows is None or has_own_step(model, "train") else train.rows
    model.stop_training = False
    logs: Mapping[str, float] = {}
    registry.call_hooks("training_begins", model=model)
    tell(watchers, "on_train_begin")
    try:
        with ExitStack() as settings:
            if trainer.device.type == "cpu":
                settings.enter_context(FlushedDenormals())
                settings.enter_context(KeptMemory())
            for epoch in range(initial_epoch, epochs):
                tell(watchers, "on_epoch_begin", epoch)
                bar.start(epoch)
                feed = _ahead(made(epoch) if batches is None else islice(batches, steps_per_epoch), train, trainer)
                left = None if steps is None else steps * (epochs - epoch)
                logs = _pass(model, trainer, feed, watchers, "train", bar, left)
                check_finite_loss(logs, epoch)
                if held_out is not None and (epoch + 1) % validation_freq == 0:
                    feed = _ahead(islice(validation.batches(0), validation_steps), validation, trainer)
                    found = _pass(model, trainer, feed, watchers, "test", None)
                    logs = {**logs, **{f"val_{name}": value for name, value in found.items()}}
                bar.finish(logs)
                tell(watchers, "on_epoch_end", epoch, logs)
                if model.stop_training:
                    break
    finally:
        bar.stop()
        trainer.rest()
    if isinstance(trainer.optimizer, Optimizer) and trainer.optimizer.use_ema and epochs > initial_epoch:
        trainer.optimizer.finalize_variable_values()
    tell(watchers, "on_train_end", logs)
    registry.call_hooks("training_ends", model=model, history=history)
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
    watchers = watchers_of(callbacks, None, model, {"steps": steps or given.steps, "verbose": verbose})
    bar = ProgressBar(verbose, "", 1, steps or given.steps)
    bar.start(0)
    try:
        feed = _ahead(islice(given.batches(0), steps), given, trainer)
        logs = _pass(model, trainer, feed, watchers, "test", bar)
        bar.finish(logs)
    finally:
        bar.stop()
    return logs


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
    with InferenceMode(model):
        return dict(LazyLogs(model.test_step(batch)))


# Inside


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
    begins, ends = (listeners(watchers, f"on_{mode}_batch_{moment}") for moment in ("begin", "end"))
    if mode == "test":
        tell(watchers, "on_test_begin")
    model.train(mode == "train")
    number = -1
    read: Callable[[], Any] = dict
    try:
        for number, batch in enumerate(feed):
            if number == 0:
                first = batch.gathered() if isinstance(batch, Rows) else batch
                check_inputs(model, first[0], "fit" if mode == "train" else "evaluate")
                trainer.prepare(first, mode, left)
                model.reset_metrics()
            for hook in begins:
                hook(number, {})
            read = step(batch)
            for hook in ends:
                hook(number, LazyLogs(read()))
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
        tell(watchers, "on_test_end", logs)
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
    place(model)
    return trainer


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
