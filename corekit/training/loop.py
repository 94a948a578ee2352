"""The loops: `fit`, `evaluate`, `predict` and their one-batch forms. Free functions; a Model's methods call them.

for epoch in epochs:
    for batch in data:  step(batch)        # sums stay on the device
    validate; read the sums; tell the callbacks
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from corekit.errors import ArgumentError, ArgumentTypeError, DataError, ShapeError
from corekit.model.model import Model
from corekit.protocols.callback import Callback
from corekit.protocols.layer import axis_sizes
from corekit.protocols.tree import leaves, map_tree
from corekit.training import data as sources
from corekit.training.data import Batch, Source
from corekit.training.device import choose
from corekit.training.history import History, LazyLogs
from corekit.training.progress import ProgressBar
from corekit.training.trainer import Trainer


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
    if trainer.optimizer is None:
        raise ArgumentError('fit needs an optimizer:  model.compile(optimizer="adam", loss=...).')
    if not isinstance(epochs, int) or epochs < 0:
        raise ArgumentError(f"fit(epochs={epochs!r}): expected a whole number.")
    held_out: Any = None
    if validation_split:
        (x, y, sample_weight), held_out = sources.split(x, y, sample_weight, validation_split)
    elif validation_data is not None:
        held_out = validation_data if isinstance(validation_data, (tuple, list)) else (validation_data,)
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
            feed = train.batches(epoch) if batches is None else islice(batches, steps_per_epoch)
            logs = _pass(model, trainer, feed, watchers, "train", bar)
            _check_finite_loss(logs, epoch)
            if held_out is not None and (epoch + 1) % validation_freq == 0:
                feed = islice(validation.batches(0), validation_steps)
                found = _pass(model, trainer, feed, watchers, "test", None)
                logs = {**logs, **{f"val_{name}": value for name, value in found.items()}}
            bar.finish(logs)
            _tell(watchers, "on_epoch_end", epoch, logs)
            if model.stop_training:
                break
    finally:
        bar.stop()
        model.eval()
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
    given = _source(model, trainer, x, y, sample_weight, batch_size, "evaluate")
    watchers = _watchers(callbacks, None, model, {"steps": steps or given.steps, "verbose": verbose})
    bar = ProgressBar(verbose, "", 1, steps or given.steps)
    bar.start(0)
    try:
        logs = _pass(model, trainer, islice(given.batches(0), steps), watchers, "test", bar)
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
    device = _place(model)
    given = sources.source(x, batch_size=batch_size, device=device, caller="predict")
    watchers = _watchers(callbacks, None, model, {"steps": steps or given.steps, "verbose": verbose})
    found: list[Any] = []
    _tell(watchers, "on_predict_begin")
    with _inference(model):
        for number, batch in enumerate(islice(given.batches(0), steps)):
            _tell(watchers, "on_predict_batch_begin", number)
            if number == 0:
                check_inputs(model, batch[0], "predict")
            found.append(map_tree(Tensor.detach, model.predict_step((batch[0],))))
            _tell(watchers, "on_predict_batch_end", number)
    _tell(watchers, "on_predict_end")
    if not found:
        raise DataError("predict: the data gave no batch.")
    return map_tree(lambda *parts: as_numpy(torch.cat(parts)), found[0], *found[1:])


def train_on_batch(
    model: Model, x: Any, y: Any = None, *, sample_weight: Any = None, class_weight: dict[int, float] | None = None
) -> dict[str, float]:
    """Make one optimizer step; return the logs since the metrics were last reset."""
    trainer = _ready(model, x, "train_on_batch")
    batch = _one_batch(trainer, x, y, sample_weight, class_weight, "train_on_batch")
    check_inputs(model, batch[0], "train_on_batch")
    trainer.prepare(batch)
    model.train()
    try:
        return dict(LazyLogs(model.train_step(batch)))
    finally:
        model.eval()


def test_on_batch(model: Model, x: Any, y: Any = None, *, sample_weight: Any = None) -> dict[str, float]:
    """Evaluate one batch; return the logs since the metrics were last reset."""
    trainer = _ready(model, x, "test_on_batch")
    batch = _one_batch(trainer, x, y, sample_weight, None, "test_on_batch")
    check_inputs(model, batch[0], "test_on_batch")
    trainer.prepare(batch)
    with _inference(model):
        return dict(LazyLogs(model.test_step(batch)))


def predict_on_batch(model: Model, x: Any) -> Any:
    """Return the outputs for one batch as numpy arrays."""
    device = _place(model)
    moved = map_tree(lambda t: t.to(device), sources.as_tensors(x, "x", "predict_on_batch"))
    check_inputs(model, moved, "predict_on_batch")
    with _inference(model):
        return map_tree(as_numpy, model.predict_step((moved,)))


# Inside


def _pass(
    model: Model, trainer: Trainer, feed: Iterable[Batch], watchers: list[Any], mode: str, bar: ProgressBar | None
) -> dict[str, float]:
    """Go through the data once, training or evaluating, and return what the metrics say."""
    step = _step_of(model, trainer, mode)
    begins, ends = (_listeners(watchers, f"on_{mode}_batch_{moment}") for moment in ("begin", "end"))
    if mode == "test":
        _tell(watchers, "on_test_begin")
    model.train(mode == "train")
    number, read = -1, dict
    try:
        for number, batch in enumerate(feed):
            if number == 0:
                check_inputs(model, batch[0], "fit" if mode == "train" else "evaluate")
                trainer.prepare(batch)
                model.reset_metrics()
            for tell in begins:
                tell(number, {})
            read = step(batch)
            for tell in ends:
                tell(number, LazyLogs(read()))
            if bar is not None:
                bar.step(read)
    finally:
        model.eval()
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
    name = f"{mode}_step"
    own: Callable[[Batch], Mapping[str, Any]] = getattr(model, name)
    if getattr(type(model), name) is not getattr(Model, name) or name in model.__dict__:

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
    _move(model, trainer.device)
    return trainer


def _place(model: Model) -> torch.device:
    device = model._trainer.device if model._trainer is not None else choose(model)
    _move(model, device)
    return device


def _move(model: Model, device: torch.device) -> None:
    if model.device != device:
        torch.nn.Module.to(model, device)


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
        _refuse_not_finite(model, x, y, trainer.device, caller)
    return made


def _refuse_not_finite(model: Model, x: Any, y: Any, device: torch.device, caller: str) -> None:
    """Raise for NaN or infinity in arrays, before a step spoils the weights; inputs that the model copes with pass."""
    for name, value in (("y", y), ("x", x)):
        tensors = None if value is None else sources.as_tensors(value, name, caller)
        where = sources.find_not_finite(tensors)
        if where is None or (name == "x" and _copes(model, tensors, where[0], device)):
            continue
        raise DataError(
            f"{caller}: {name} is not finite: the first NaN or infinity is at {name}[{', '.join(map(str, where))}].\n"
            f"  Drop or repair such samples first:  keep = numpy.isfinite({name}).reshape(len({name}), -1).all(1)"
        )


def _copes(model: Model, x: Any, row: int, device: torch.device) -> bool:
    with _inference(model):
        outputs = model(map_tree(lambda t: t[row : row + 1].to(device), x))
    return all(bool(torch.isfinite(output).all()) for output in leaves(outputs))


def _check_finite_loss(logs: Mapping[str, float], epoch: int) -> None:
    if not math.isfinite(logs.get("loss", 0.0)):
        raise DataError(
            f"the loss is {logs['loss']} after epoch {epoch + 1}, so training ended: every weight may be spoiled.\n"
            "  The usual causes: NaN in the data, a learning rate that is too high, a log or division by zero in a "
            "layer. Build the model anew and try a learning rate ten times smaller."
        )


def check_inputs(model: Model, x: Any, caller: str) -> None:
    """Raise where a batch does not fit the inputs that a drawn model was made for.

    Raises:
        ShapeError: naming both shapes.
    """
    if model.graph is None:
        return
    slots = list(leaves(model.graph.inputs))
    given = x if not isinstance(x, dict) else [x[n] for n in model.graph.input_names if n in x] or x
    values = list(leaves(given))
    if len(values) != len(slots):
        raise ShapeError(
            f'{caller}: "{model.name}" has {len(slots)} inputs ({", ".join(model.graph.input_names)}), '
            f"got {len(values)}. Give a list of arrays, or a dict by name."
        )
    for slot, name, value in zip(slots, model.graph.input_names, values, strict=True):
        wanted = model.graph.specs[slot.index].shape
        fits = len(wanted) == value.ndim and all(w in (None, g) for w, g in zip(wanted, value.shape, strict=True))
        if not fits:
            size = math.prod(n or 0 for n in wanted[1:])
            same_size = size and size == math.prod(value.shape[1:])
            fix = f"\n  Write  x.reshape(-1, {', '.join(map(str, wanted[1:]))})." if same_size else ""
            raise ShapeError(
                f'{caller}: input "{name}" of "{model.name}" has shape {axis_sizes(wanted)}, '
                f"got {tuple(value.shape)}.{fix}"
            )


def _one_batch(
    trainer: Trainer, x: Any, y: Any, sample_weight: Any, class_weight: dict[int, float] | None, caller: str
) -> Batch:
    count = sources.check_lengths({"x": sources.as_tensors(x, "x", caller)}, caller)
    given = sources.source(
        x, y, sample_weight, batch_size=count, device=trainer.device, class_weight=class_weight, caller=caller
    )
    return next(given.batches(0))


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


@contextmanager
def _inference(model: Model) -> Iterator[None]:
    """Run in inference mode, without gradients, and bring the training flag back."""
    with torch.no_grad(), model._mode(False):
        yield


def as_numpy(tensor: Tensor) -> np.ndarray[Any, Any]:
    """Return a tensor as a numpy array; bfloat16, which numpy lacks, as float32."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _watchers(
    callbacks: Iterable[Any] | None, history: History | None, model: Model, params: dict[str, Any]
) -> list[Any]:
    given = [callbacks] if isinstance(callbacks, Callback) else list(callbacks or ())
    watchers = given if history is None else [history, *given]
    for watcher in watchers:
        if not hasattr(watcher, "set_model") or isinstance(watcher, type):
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
