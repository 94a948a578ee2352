"""A model: a layer that can be trained, evaluated, summed up and saved. Drawn from symbolic tensors, or subclassed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from corekit.errors import ArgumentError, LayerError, StateError
from corekit.model import graph
from corekit.model.inference import infer
from corekit.model.naming import adopt, free_name
from corekit.protocols.layer import Layer
from corekit.protocols.metric import Metric
from corekit.protocols.symbolic import find_symbolic
from corekit.protocols.tree import leaves

if TYPE_CHECKING:  # the training engine imports models, so a model meets it only when it is asked to train
    from corekit.training.history import History
    from corekit.training.trainer import Trainer


class Model(Layer):
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
        >>> import corekit as ck
        >>> inputs = ck.Input(shape=(4,))
        >>> outputs = ck.layers.Dense(2)(ck.layers.Dense(3, activation="relu")(inputs))
        >>> model = Model(inputs, outputs)
        >>> model(torch.ones(5, 4)).shape, model.count_params()
        (torch.Size([5, 2]), 23)

    Reference: https://keras.io/api/models/model/
    """

    is_model = True

    def __init__(self, inputs: Any = None, outputs: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._counted: dict[str, int] = {}  # how far the names of layers are counted, by class
        self.graph: graph.Graph | None = None
        self._trainer: Trainer | None = None
        self.stop_training = False
        self.placed = False  # whether the user chose the device; training then leaves the model where it is
        self.lists_layers = False  # whether a description lists its layers, not the arguments of its class
        if (inputs is None) != (outputs is None):
            raise ArgumentError("Model(inputs, outputs): give both, or neither and write a call.")
        if inputs is not None:
            if find_symbolic(*self._arguments) is not None:  # drawn by the caller, not in a subclass's __init__
                self._arguments, self.lists_layers = ((), {}), True
            self._set_graph(graph.trace(inputs, outputs))
            self.__dict__["_drawn_symbols"] = (inputs, outputs)

    def _set_graph(self, drawn: graph.Graph) -> None:
        self.graph = drawn
        for part in drawn.layers():
            adopt(self, part)
        self.built = True

    # Structure

    @property
    def layers(self) -> list[Layer]:
        """The layers, in the order of use (drawn) or of assignment (subclassed)."""
        return [module for module in self._modules.values() if isinstance(module, Layer)]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its position.

        Raises:
            ArgumentError: there is no such layer.
        """
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ArgumentError(f'"{self.name}" has {len(self.layers)} layers, so none at index {index}.')
            return self.layers[index]
        part = self._modules.get(name or "")
        if not isinstance(part, Layer):
            raise ArgumentError(f'"{self.name}" has no layer "{name}". Its layers: {", ".join(self._modules)}.')
        return part

    def name_of(self, part: Layer) -> str:
        """Return what this model calls one of its layers: the layer's own name unless another has it here."""
        return next(name for name, module in self._modules.items() if module is part)

    def _symbols(self) -> tuple[Any, Any]:
        if self.graph is None:
            raise StateError(f'"{self.name}" is not drawn from symbolic tensors, so it has no symbolic inputs.')
        if "_drawn_symbols" not in self.__dict__:
            self.__dict__["_drawn_symbols"] = self.graph.symbols()
        return self.__dict__["_drawn_symbols"]  # type: ignore[no-any-return]  # __dict__ is untyped

    def __getstate__(self) -> dict[str, Any]:
        """Leave symbolic tensors behind, as every layer does."""
        return {key: value for key, value in super().__getstate__().items() if key != "_drawn_symbols"}

    @property
    def inputs(self) -> list[Any]:
        """The symbolic inputs, to draw another model from."""
        return list(leaves(self._symbols()[0]))

    @property
    def outputs(self) -> list[Any]:
        """The symbolic outputs, to draw another model from."""
        return list(leaves(self._symbols()[1]))

    @property
    def input(self) -> Any:
        """The symbolic input, in the structure that the model was drawn with."""
        return self._symbols()[0]

    @property
    def output(self) -> Any:
        """The symbolic output, in the structure that the model was drawn with."""
        return self._symbols()[1]

    @property
    def output_names(self) -> list[str]:
        """One name for each output: of the layer that gives it. Losses and metrics may be given by these."""
        if self.graph is None:
            return []
        names: list[str] = []
        for slot in leaves(self.graph.outputs):
            maker = next((s.operation for s in self.graph.steps if slot in leaves(s.outputs)), None)
            base = maker.name if isinstance(maker, Layer) else getattr(maker, "__name__", "output")
            names.append(free_name(base, names))
        return names

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        for module in self.modules():
            for weight in itertools.chain(module._parameters.values(), module._buffers.values()):
                if weight is not None:
                    return weight.device
        return torch.get_default_device()

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move or cast the weights, as every torch module does; training then leaves the model where it is."""
        self.placed = True
        return super().to(*args, **kwargs)

    def cpu(self) -> Self:
        """Move the weights to the CPU; training then stays there."""
        return self.to("cpu")

    # Computing

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape, None for the batch: a shape, or a list or dict of shapes.

        Drawn models are built already, others at their first call at the latest.
        """
        self.built = True  # a subclass's build may end here, and the call below must not build once more
        try:
            infer(self, (graph.inputs_of(input_shape),), {})
        except Exception:
            self.built = False
            raise

    def build_from(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Leave building to the call that follows, where each layer meets its own input."""
        if type(self).build is Model.build:
            self.built = True
        super().build_from(args, kwargs)

    def call(self, inputs: Any) -> Any:
        """Compute the outputs."""
        if self.graph is None:
            raise LayerError(
                f"{type(self).__name__} has no call, and was not drawn from symbolic tensors.\n"
                f"  Write  def call(self, inputs): return <a tensor>  in class {type(self).__name__}, or make it by "
                "Model(inputs, outputs)."
            )
        return self.graph.run(inputs)

    def logits(self, inputs: Any) -> Any:
        """Compute the outputs without the activations that `link_activation` names."""
        assert self.graph is not None
        return self.graph.run(inputs, to_logits=True)

    @property
    def link_activation(self) -> Any:  # type: ignore[override]  # read only here
        """The last activation of the output, or None; a list for several outputs. None for a subclassed model."""
        if self.graph is None or type(self).call is not Model.call:
            return None
        links = self.graph.link_activations()
        return links[0] if len(links) == 1 else links if any(links) else None

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
        return None if self._trainer is None else self._trainer.given_loss

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
        return construct(config) if is_description else super().from_config(config)  # type: ignore[return-value]

    def save(self, filepath: Any, overwrite: bool = True) -> None:
        """Write architecture and weights into one `.safetensors` file; `corekit.load_model` reads it."""
        from corekit.saving import save_model

        save_model(self, filepath, overwrite=overwrite)


def _as_keras_list(logs: dict[str, float]) -> float | list[float]:
    """Return logs as Keras's evaluate does: the loss alone, or a list with the metrics."""
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
