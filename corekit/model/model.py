"""A model: a layer that can be trained, evaluated, summed up and saved. Drawn from symbolic tensors, or subclassed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Self

from torch import Tensor

from corekit.errors import StateError
from corekit.model.network import Network
from corekit.protocols.metric import Metric

if TYPE_CHECKING:  # the training engine imports models, so a model meets it only when it is asked to train
    from corekit.training.history import History
    from corekit.training.trainer import Trainer


class Model(Network):
    """Groups layers into one that trains.

    Drawn: `Model(inputs, outputs)` from symbolic tensors (one, or a list or dict of several). Subclassed: make
    layers in `__init__`, use them in `call`. A subclass may also be drawn, to give a drawn model its own `train_step`.

    Args:
        inputs: symbolic tensors from `corekit.Input`.
        outputs: symbolic tensors that depend on them.
        name: default the class's name in snake case.

    Raises:
        ArgumentError: an output depends on an input that is not given; two layers have one name.

    Example:
        >>> import torch, corekit as ck
        >>> inputs = ck.Input(shape=(4,))
        >>> outputs = ck.layers.Dense(2)(ck.layers.Dense(3, activation="relu")(inputs))
        >>> model = Model(inputs, outputs)
        >>> model(torch.ones(5, 4)).shape, model.count_params()
        (torch.Size([5, 2]), 23)

    Reference: https://keras.io/api/models/model/
    """

    _trainer: Trainer | None = None
    stop_training = False
    """Set to True by callbacks to end training after the current batch."""

    # Training: each is one call into corekit.training

    @property
    def trainer(self) -> Trainer:
        """What `compile` made: the optimizer, losses and metrics of this model, and its steps."""
        if self._trainer is None:
            raise StateError(
                f'"{self.name}" is not compiled.\n  Call  model.compile(optimizer="adam", loss="mse")  first.'
            )
        return self._trainer

    def compile(  # Keras's meaning of compile, not torch's
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        *,
        device: Any = None,
    ) -> None:
        """Choose how to train.

        Args:
            optimizer: a name, a corekit or torch optimizer, or a torch optimizer class.
            loss: a name, a Loss, a torch loss module, a function of (y_true, y_pred); one per output as list or dict.
            loss_weights: one number per output.
            metrics: names, Metrics or functions of (y_true, y_pred); one list per output as list or dict.
            weighted_metrics: metrics that take sample weights into account.
            run_eagerly: True forbids compiling the step.
            steps_per_execution: taken for Keras's sake; a step waits for nothing here, so it brings nothing.
            jit_compile: True compiles the whole step as one graph before the first one; False runs it eagerly. "auto"
                starts eagerly at once, on a CPU compiles in another process where the training is long enough to
                repay it, measures, and changes to what is faster; on CUDA it captures the step as a CUDA graph.
                `model.step_engine` says what runs and why. What was measured is kept in the user's cache folder
                (`COREKIT_CACHE` names another). As in Keras, layers that were changed want a new `compile`.
            device: where to train; default the best accelerator there is, unless the model was placed already.

        Raises:
            UnknownNameError: a name that no installed distribution has.
            ArgumentTypeError: something that is none of these.
            DeviceError: a device that is not there.

        Reference: https://keras.io/api/models/model_training_apis/#compile-method
        """
        from corekit.training.trainer import Trainer

        self._trainer = Trainer(
            self, optimizer, loss, loss_weights=loss_weights, metrics=metrics, weighted_metrics=weighted_metrics,
            jit_compile=False if run_eagerly else jit_compile, device=device,
        )  # fmt: skip

    def fit(
        self,
        x: Any = None,
        y: Any = None,
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
        """Train on data; every argument is described at `corekit.training.loop.fit`.

        Reference: https://keras.io/api/models/model_training_apis/#fit-method
        """
        from corekit.training import loop

        return loop.fit(
            self, x, y, batch_size=batch_size, epochs=epochs, verbose=verbose, callbacks=callbacks,
            validation_split=validation_split, validation_data=validation_data, shuffle=shuffle,
            class_weight=class_weight, sample_weight=sample_weight, initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch, validation_steps=validation_steps,
            validation_batch_size=validation_batch_size, validation_freq=validation_freq,
        )  # fmt: skip

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Iterable[Any] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss and metrics on data; see `corekit.training.loop.evaluate`."""
        from corekit.training import loop

        logs = loop.evaluate(
            self, x, y, batch_size=batch_size, verbose=verbose, sample_weight=sample_weight, steps=steps,
            callbacks=callbacks,
        )  # fmt: skip
        return logs if return_dict else _as_keras_list(logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: Iterable[Any] | None = None,
    ) -> Any:
        """Return the outputs as numpy arrays; see `corekit.training.predict.predict`."""
        from corekit.training.predict import predict

        return predict(self, x, batch_size=batch_size, verbose=verbose, steps=steps, callbacks=callbacks)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Make one optimizer step; return the loss, or loss and metrics, of this batch."""
        from corekit.training import loop

        logs = loop.train_on_batch(self, x, y, sample_weight=sample_weight, class_weight=class_weight)
        return logs if return_dict else _as_keras_list(logs)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Return the loss and metrics of one batch."""
        from corekit.training import loop

        logs = loop.test_on_batch(self, x, y, sample_weight=sample_weight)
        return logs if return_dict else _as_keras_list(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch as numpy arrays."""
        from corekit.training.predict import predict_on_batch

        return predict_on_batch(self, x)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Make one training step on a batch; override it for a training of your own, as in Keras.

        Args:
            data: `(x,)`, `(x, y)` or `(x, y, sample_weight)`, on the model's device.

        Returns:
            Values for the logs by name: 0-d tensors, or what metrics' `result()` gave.
        """
        return self.trainer.train_step(data)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluate one batch; override it together with `train_step`."""
        return self.trainer.test_step(data)

    def predict_step(self, data: Any) -> Any:
        """Return the outputs for one batch."""
        return self(data[0] if isinstance(data, tuple) else data)

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None) -> Tensor:
        """Return the compiled loss plus the penalties, a 0-d tensor; for `train_step` overrides."""
        return self.trainer.compute_loss(y, y_pred, sample_weight)

    @property
    def optimizer(self) -> Any:
        """The compiled optimizer, or None."""
        return None if self._trainer is None else self._trainer.optimizer

    @property
    def step_engine(self) -> str:
        """What runs the training step (eager, compiled or a CUDA graph) and why, in a line."""
        return self.trainer.step_engine

    @property
    def loss(self) -> Any:
        """What was given as the loss, or None."""
        return None if self._trainer is None else self._trainer.given["loss"]

    @property
    def metrics(self) -> list[Metric]:
        """The metrics; `fit` and `evaluate` reset them. Override it to add those of a `train_step` of your own."""
        own = [module for module in self._modules.values() if isinstance(module, Metric)]
        return own if self._trainer is None else [*self._trainer.metrics, *own]

    @property
    def metrics_names(self) -> list[str]:
        """The names of the logs."""
        return [metric.name for metric in self.metrics] or ["loss"]

    def reset_metrics(self) -> None:
        """Forget every batch that the metrics saw."""
        for metric in self.metrics:
            metric.reset_state()

    # As data

    def summary(
        self,
        line_length: int | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
    ) -> None:
        """Print the layers, their output shapes and their numbers of weights."""
        from corekit.model.summary import show

        show(self, line_length, print_fn, expand_nested, show_trainable)

    def get_config(self) -> dict[str, Any]:
        """Return the architecture as JSON-ready data; of a subclass with a constructor of its own, its arguments."""
        from corekit.model.config import describe

        return describe(self) if self.lists_layers else super().get_config()

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Build a model, with new weights, from what `get_config` returned."""
        from corekit.model.construction import construct

        is_description = config.get("type") in ("sequential", "functional")
        return construct(config) if is_description else super().from_config(config)  # type: ignore[return-value]  # of what class, the data tell

    def save(
        self,
        filepath: Any,
        overwrite: bool = True,
        include_optimizer: bool = False,
        *,
        max_shard_size: float | None = None,
    ) -> None:
        """Write a `.safetensors` file that `corekit.load_model` reads: architecture, weights, how it was compiled.

        Args:
            filepath: of the file.
            overwrite: whether an existing file may be replaced.
            include_optimizer: whether to write the optimizer's state, too, so that training can go on where it
                stopped. Default False: Adam's state is twice as large as the weights, and only training needs it.
            max_shard_size: GB (2**30 bytes) that a file may have. Where the weights are more, they go into several
                files beside `filepath`, which lists them and is still the one to load. Default None: always one file.
        """
        from corekit.saving import save_model

        save_model(
            self, filepath, overwrite=overwrite, include_optimizer=include_optimizer, max_shard_size=max_shard_size
        )

    def export(
        self, filepath: Any, format: str | None = None, verbose: bool | None = None, input_signature: Any = None
    ) -> None:
        """Write a `.onnx` or `.pt2` file that runs without corekit; see `corekit.saving.export.export_model`.

        Args:
            filepath: its ending says which format.
            format: "onnx" or "torch", where the ending does not say it.
            verbose: whether to print what was written; default True, as in Keras.
            input_signature: one `corekit.Input` or example for each argument, of a model that was not drawn.

        Reference: https://keras.io/api/models/model_saving_apis/export/
        """
        from corekit.saving.export import export_model

        written = export_model(self, filepath, format=format, input_signature=input_signature)
        if verbose is None or verbose:
            print(written)

    def save_weights(self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None) -> None:
        """Write the weights alone into a `.safetensors` file; `load_weights` of the same architecture reads it.

        Args: those of `save`.
        """
        from corekit.saving import save_weights

        save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    def load_weights(
        self, filepath: Any, skip_mismatch: bool = False, *, strict: bool = True, rename: Any = None
    ) -> Any:
        """Read weights: of corekit, of Keras (`.weights.h5`, `.keras`), or of a torch module (`.safetensors`).

        Args:
            filepath: of the file.
            skip_mismatch: Keras's word for `strict=False`.
            strict: whether each weight of either side must have its twin, of the same shape. False takes what fits.
            rename: the file's names -> the model's, where a torch module called its parts otherwise: `{"fc1": "dense"}`
                for all that begins so, or a function of a name.

        Returns:
            What matched, is missing, is surplus, or has another shape.

        Raises:
            LoadError: they do not fit, with all of that; or the file cannot be read. Nothing was changed.
            StateError: the model is not built.
        """
        from corekit.saving import load_weights

        return load_weights(self, filepath, strict=strict and not skip_mismatch, rename=rename)


def _as_keras_list(logs: dict[str, float]) -> float | list[float]:
    """Return logs as Keras's evaluate does: the loss alone, or a list with the metrics."""
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
