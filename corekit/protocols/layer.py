"""The layer contract: a `torch.nn.Module` that makes its weights when it first learns its input's shape."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from corekit.errors import ArgumentTypeError, LayerError, ShapeError, StateError
from corekit.protocols.configurable import Configurable, refuse_unknown
from corekit.protocols.creation import create
from corekit.protocols.dtype import as_dtype, dtype_name
from corekit.protocols.loss import snake_case
from corekit.protocols.metric import Metric
from corekit.protocols.symbolic import find_symbolic
from corekit.protocols.tree import leaves, map_tree
from corekit.protocols.weights import WeightPenalty

Shape = tuple[int | None, ...]
BASE_ARGUMENTS = ("name", "trainable", "dtype", "activity_regularizer", "input_shape")


class Layer(Configurable, nn.Module):
    """Subclass it, make weights in `build(input_shape)` with `add_weight`, compute in `call(inputs, ...)`.

    `build` runs once, at the first call (or while a model is drawn), with the input's shape: (None, ...) where None
    is the batch. It gets one shape for each of `call`'s tensors that it names (`build(query_shape, value_shape)`),
    else the shape of the first. Where `call` has a `training` argument it is filled from `self.training`.

    A layer is a torch module in every way (`state_dict`, `to`, `torch.compile`, `copy.deepcopy`), with one
    difference: as in Keras, it starts in inference mode. `fit` and `layer(x, training=True)` train; in a training
    loop of your own call `model.train()` first.

    Args:
        name: how summaries and files call it; default the class's name in snake case, made unique by the model.
        trainable: whether optimizers may change its weights.
        dtype: of its weights; default `corekit.config.floatx()`.
        activity_regularizer: a penalty on its output, added to the loss.
        input_shape: shape of one sample, without the batch; lets a Sequential build at once.

    Example:
        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")
        ...     def call(self, inputs):
        ...         return inputs * self.scale
        >>> layer = Scale()
        >>> layer(torch.ones(2, 3)).shape, layer.built, len(layer.weights)
        (torch.Size([2, 3]), True, 1)

    Reference: https://keras.io/api/layers/base_layer/
    """

    built = False
    link_activation: Callable[[Tensor], Tensor] | None = None
    """The activation that a layer applies last. A layer that has one (`Dense`) also has `logits`, its call without
    it, so that training can feed the loss with logits. None: what the layer returns is all there is."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "call" in cls.__dict__:
            cls.forward = _filling_training(cls.__dict__["call"])
        elif "forward" in cls.__dict__:
            cls.call = cls.__dict__["forward"]
        if "build" in cls.__dict__:
            cls.build = _building_once(cls.__dict__["build"])  # type: ignore[method-assign]  # same signature

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: str | torch.dtype | None = None,
        activity_regularizer: Any = None,
        input_shape: Sequence[int | None] | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown(type(self), unknown, BASE_ARGUMENTS)
        super().__init__()
        self.training = False  # as in Keras: inference until somebody trains
        self._name = name
        self._named_by_model = False
        self._trainable = trainable
        self.dtype = as_dtype(dtype)
        self._sample_shape = None if input_shape is None else tuple(input_shape)
        self.first_inputs: Any = None  # (shape, dtype) of each tensor of the call that built it
        self._regularizers: dict[str, WeightPenalty] = {}
        self._constraints: dict[str, Callable[[Tensor], Tensor]] = {}
        self._added_losses: list[Tensor] = []
        self.drawn_calls: list[tuple[Any, Any]] = []
        self.activity_regularizer = create("regularizers", activity_regularizer)
        if self.activity_regularizer is not None:
            self.register_forward_hook(_add_activity_loss)

    # What an author writes

    def build(self, *shapes: Any, **named_shapes: Any) -> None:
        """Make the weights. A layer without weights needs none; layers made in `__init__` build themselves."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output."""
        raise LayerError(
            f"{type(self).__name__} has no call.\n"
            f"  Write  def call(self, inputs): return <a tensor>  in class {type(self).__name__}."
        )

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Torch's name for `call`; set when the class is made."""
        return self.call(*args, **kwargs)

    def add_weight(
        self,
        *positional: Any,
        shape: Sequence[int] | None = None,
        initializer: Any = None,
        dtype: str | torch.dtype | None = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Any:
        """Make a weight, and return it: a parameter, or a buffer where `trainable` is False.

        Args:
            shape: its size along each axis; default () for a scalar.
            initializer: a name, config, Initializer or function of (shape, dtype); default "glorot_uniform" for
                floating point, as in Keras, else "zeros".
            dtype: default the layer's.
            trainable: False for state that the optimizer must leave alone, such as moving averages.
            regularizer: a penalty on the weight, added to the loss.
            constraint: applied to the weight after each optimizer step.
            name: unique within the layer; it is the attribute that `state_dict` names.

        Raises:
            ArgumentTypeError: the shape is missing its keyword, or holds something that is no size.
        """
        shape = self._weight_shape(positional, shape, name)
        kind = self.dtype if dtype is None else as_dtype(dtype)
        name = name or f"weight_{len(self._parameters) + len(self._buffers)}"
        if initializer is None:
            initializer = "glorot_uniform" if kind.is_floating_point else "zeros"
        value = _initial_value(create("initializers", initializer), shape, kind)
        if tuple(value.shape) != shape:
            raise ShapeError(
                f'{self!r}: the initializer of "{name}" gave shape {tuple(value.shape)}, expected {shape}.'
            )
        if trainable and kind.is_floating_point:
            self.register_parameter(name, nn.Parameter(value, requires_grad=self._trainable))
        else:
            self.register_buffer(name, value)
        if regularizer is not None:
            self._regularizers[name] = create("regularizers", regularizer)
        if constraint is not None:
            self._constraints[name] = create("constraints", constraint)
        return getattr(self, name)

    def add_loss(self, loss: Tensor) -> None:
        """Add a 0-d tensor to the loss of this step; call it from `call`."""
        self._added_losses.append(loss)

    def logits(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output without the last activation; a layer with a `link_activation` has this."""
        raise LayerError(
            f"{type(self).__name__} has a link_activation but no logits(): write it, or set link_activation = None."
        )

    # Calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Build at the first call, note symbolic calls in the graph, then compute."""
        if self.built and len(args) == 1 and not kwargs and type(args[0]) is Tensor:
            return super().__call__(*args)
        symbol = find_symbolic(args, kwargs)
        if symbol is not None:
            return symbol.record(self, args, kwargs)
        args, kwargs = map_tree(_as_tensor, (args, kwargs))
        training = kwargs.pop("training", None)
        with self._mode(training):
            if self.built:
                return super().__call__(*args, **kwargs)
            return self._first_call(args, kwargs)

    def _first_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        tensor = next((value for value in leaves((args, kwargs)) if isinstance(value, Tensor)), None)
        on_meta = tensor is not None and tensor.device.type == "meta"
        with nullcontext() if tensor is None or on_meta else torch.device(tensor.device):
            self.build_from(args, kwargs)
        try:
            if on_meta:  # a shape is being inferred: the real weights stay as they are
                state = {**dict(self.named_parameters()), **dict(self.named_buffers())}
                meta = {key: torch.empty_like(value, device="meta") for key, value in state.items()}
                return torch.func.functional_call(self, meta, args, kwargs)
            return super().__call__(*args, **kwargs)
        except AttributeError as error:
            self._explain_missing_weight(error)
            raise

    def build_from(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Build for the arguments of a call: tensors, or anything with a shape.

        Raises:
            LayerError: the class forgot `super().__init__()`.
            ShapeError: `build` refuses the shape.
        """
        if "first_inputs" not in self.__dict__:
            raise LayerError(
                f"{type(self).__name__}.__init__ does not call super().__init__().\n"
                "  Write  super().__init__()  as its first line."
            )
        if not self.built:
            self.build(**_shapes_for_build(self, args, kwargs))
            self.built = True
        if self.first_inputs is None:
            self.first_inputs = map_tree(_shape_and_dtype, args)

    def _explain_missing_weight(self, error: AttributeError) -> None:
        missing = error.name
        if type(self).build is not Layer.build or missing is None or f"'{type(self).__name__}'" not in str(error):
            return
        cls = type(self).__name__
        raise LayerError(
            f"{cls}.call uses self.{missing}, but {cls} never makes it: the class has no build method.\n"
            f"  Add to class {cls}:\n"
            "      def build(self, input_shape):\n"
            f'          self.{missing} = self.add_weight(shape=(input_shape[-1], self.units), name="{missing}")\n'
            "  with the shape that your call needs."
        ) from error

    @contextmanager
    def _mode(self, training: bool | None) -> Iterator[None]:
        """Run with the training flag of the whole tree set, and bring each module's own flag back."""
        if training is None or all(module.training == bool(training) for module in self.modules()):
            yield
            return
        flags = [(module, module.training) for module in self.modules()]
        self.train(bool(training))
        try:
            yield
        finally:
            for module, flag in flags:
                module.training = flag

    # Names, weights, losses

    @property
    def name(self) -> str:
        """How summaries and files call the layer."""
        return self._name or snake_case(type(self).__name__)

    @name.setter
    def name(self, value: str) -> None:
        self._name = value

    @property
    def trainable(self) -> bool:
        """Whether optimizers may change the weights of this layer and those inside it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for module in self.modules():
            if isinstance(module, Layer):
                module._trainable = bool(value)
        self.requires_grad_(bool(value))

    def named_weights(self) -> dict[str, Tensor]:
        """Return all weights by their path: layer by layer, the trainable ones of each first, then its state.

        Unlike `state_dict`, it has each shared weight once, and no metric's state.
        """
        found: dict[str, Tensor] = {}
        seen: set[int] = set()
        metrics: list[str] = []
        for path, module in self.named_modules():
            if isinstance(module, Metric) or any(path.startswith(metric) for metric in metrics):
                metrics.append(f"{path}.")
                continue
            transient = module._non_persistent_buffers_set
            named = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
            for name, weight in named:
                if id(weight) not in seen and name not in transient:
                    seen.add(id(weight))
                    found[f"{path}.{name}" if path else name] = weight
        return found

    @property
    def weights(self) -> list[Tensor]:
        """All weights, layer by layer: the trainable ones of each first, then its state."""
        return list(self.named_weights().values())

    @property
    def trainable_weights(self) -> list[Tensor]:
        """The weights that an optimizer may change."""
        return [weight for weight in self.weights if weight.requires_grad]

    @property
    def non_trainable_weights(self) -> list[Tensor]:
        """The weights that an optimizer must leave alone."""
        return [weight for weight in self.weights if not weight.requires_grad]

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """Return copies of the weights as numpy arrays, in the order of `weights`."""
        return [weight.detach().cpu().numpy().copy() for weight in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Copy arrays into the weights, in the order of `weights`.

        Raises:
            ShapeError: their number or a shape differs; nothing was changed.
        """
        mine = self.weights
        given = [torch.as_tensor(np.asarray(weight)) for weight in weights]
        if len(given) != len(mine):
            hint = "" if self.built else f"  {self.name} is not built yet: call it, or give it an input_shape."
            raise ShapeError(f'"{self.name}" has {len(mine)} weights, got {len(given)}.{hint}')
        for index, (old, new) in enumerate(zip(mine, given, strict=True)):
            if old.shape != new.shape:
                raise ShapeError(
                    f'weight {index} of "{self.name}" has shape {tuple(old.shape)}, got {tuple(new.shape)}.'
                )
        with torch.no_grad():
            for old, new in zip(mine, given, strict=True):
                old.copy_(new)

    @property
    def input(self) -> Any:
        """What the layer's last call in a drawn model takes, symbolically."""
        return self._drawn()[0]

    @property
    def output(self) -> Any:
        """What the layer's last call in a drawn model gives, symbolically: a point to go on drawing from."""
        return self._drawn()[1]

    def _drawn(self) -> tuple[Any, Any]:
        if not self.drawn_calls:
            raise StateError(
                f'"{self.name}" is not part of a drawn model, so it has no symbolic input or output.\n'
                "  Draw with corekit.Input, or give the Sequential's first layer an input_shape."
            )
        return self.drawn_calls[-1]

    def __getstate__(self) -> dict[str, Any]:
        """Leave drawn calls behind: a copy has its own life, and their chain may be longer than recursion allows."""
        return {**self.__dict__, "drawn_calls": []}

    def count_params(self) -> int:
        """Return how many numbers the weights hold."""
        return sum(weight.numel() for weight in self.weights)

    @property
    def losses(self) -> list[Tensor]:
        """The penalties of the weights and what the last call added, of this layer and those inside it."""
        found: list[Tensor] = []
        for module in self.modules():
            if isinstance(module, Layer):
                found += [penalty(getattr(module, name)) for name, penalty in module._regularizers.items()]
                found += module._added_losses
        return found

    def clear_losses(self) -> None:
        """Forget what calls added; training does it before each step."""
        for module in self.modules():
            if isinstance(module, Layer):
                module._added_losses.clear()

    def constrain_weights(self) -> None:
        """Bring every constrained weight back to where it may be; training does it after each optimizer step."""
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, Layer):
                    for name, constraint in module._constraints.items():
                        weight = getattr(module, name)
                        weight.copy_(constraint(weight))

    def extra_repr(self) -> str:
        """Return the name and whether the weights exist."""
        return f"name={self.name}, built={self.built}"

    def _weight_shape(self, positional: tuple[Any, ...], shape: Any, name: str | None) -> tuple[int, ...]:
        if positional and shape is None and isinstance(positional[0], (tuple, list)):
            positional, shape = positional[1:], positional[0]
        if positional:
            label = positional[0] if isinstance(positional[0], str) else "kernel"
            raise ArgumentTypeError(
                f"{type(self).__name__}: add_weight takes keywords, got {', '.join(map(repr, positional))}.\n"
                f'  Write  self.add_weight(name="{label}", shape=(...), initializer="glorot_uniform").'
            )
        sizes = (shape,) if isinstance(shape, int) else tuple(() if shape is None else shape)
        if not all(isinstance(size, (int, np.integer)) and size >= 0 for size in sizes):
            raise ArgumentTypeError(
                f'{type(self).__name__}: the weight "{name}" cannot have shape {sizes}: every size is a whole '
                "number that is known when the layer is built (None marks an open axis, such as the batch)."
            )
        return tuple(int(size) for size in sizes)


def _filling_training(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return `call`, with its `training` argument filled from the module's flag where it has one."""
    if "training" not in inspect.signature(call).parameters:
        return call

    @functools.wraps(call)
    def forward(self: Layer, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        return call(self, *args, training=self.training if training is None else training, **kwargs)

    return forward


def _building_once(build: Callable[..., None]) -> Callable[..., None]:
    """Return `build` for a first call; a second does nothing, so weights are never made twice."""

    @functools.wraps(build)
    def once(self: Layer, *args: Any, **kwargs: Any) -> None:
        if not self.built:
            build(self, *args, **kwargs)
            self.built = True

    return once


def _shapes_for_build(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Match `build`'s parameters with the shapes of the call's arguments, by name."""
    wanted = [
        p.name
        for p in list(inspect.signature(type(layer).build).parameters.values())[1:]
        if p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    if not wanted:
        return {}
    given = list(args) + list(kwargs.values())
    first = map_tree(_shape_of, given[0]) if given else None
    if len(wanted) == 1:
        return {wanted[0]: first}
    bound = inspect.signature(type(layer).call).bind(layer, *args, **kwargs).arguments
    shapes = {f"{key}_shape": map_tree(_shape_of, value) for key, value in bound.items() if key != "self"}
    return {name: shapes.get(name, first if index == 0 else None) for index, name in enumerate(wanted)}


def _shape_of(value: Any) -> Shape | None:
    shape = getattr(value, "shape", None)
    return None if shape is None else (None, *shape[1:]) if len(shape) else ()


def _shape_and_dtype(value: Any) -> Any:
    return (_shape_of(value), dtype_name(value.dtype)) if hasattr(value, "dtype") else None


def _as_tensor(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    tensor = torch.as_tensor(value)
    return tensor.to(as_dtype(None)) if tensor.is_floating_point() else tensor


def _initial_value(initializer: Callable[..., Tensor], shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    if getattr(initializer, "__module__", "") == "torch.nn.init":  # torch's own fill in place
        value = torch.empty(shape, dtype=dtype)
        initializer(value)
        return value
    return torch.as_tensor(initializer(shape, dtype=dtype)).to(dtype)


def _add_activity_loss(layer: nn.Module, args: Any, output: Tensor) -> None:
    assert isinstance(layer, Layer)
    layer.add_loss(layer.activity_regularizer(output) / max(output.shape[0], 1))


def axis_sizes(shape: Sequence[int | None]) -> str:
    """Return a shape as errors and summaries write it.

    Example:
        >>> axis_sizes((None, 784))
        '(batch, 784)'
    """
    words = ["batch" if size is None and axis == 0 else "any" if size is None else str(size)
             for axis, size in enumerate(shape)]  # fmt: skip
    return f"({', '.join(words)}{',' if len(words) == 1 else ''})"


__all__ = ["BASE_ARGUMENTS", "Layer", "Shape", "axis_sizes"]
