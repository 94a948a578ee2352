"""The layer contract: a `torch.nn.Module` that makes its weights when it first learns its input's shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch._C import _get_tracing_state
from torch.nn.modules.module import (
    _global_backward_hooks,
    _global_backward_pre_hooks,
    _global_forward_hooks,
    _global_forward_pre_hooks,
)

from corekit.errors import LayerError
from corekit.protocols import building, gathering, precision
from corekit.protocols.building import Shape, axis_sizes
from corekit.protocols.configurable import Configurable, refuse_unknown
from corekit.protocols.creation import create
from corekit.protocols.dtype import as_dtype, dtype_name
from corekit.protocols.loss import snake_case
from corekit.protocols.precision import DTypePolicy
from corekit.protocols.symbolic import find_symbolic
from corekit.protocols.tree import map_tree
from corekit.protocols.weights import WeightPenalty, call_weight, make_weight, weight_shape

_HELD_BY_TORCH = (Tensor, nn.Module)
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
        dtype: of its weights and its computing, or a policy such as "mixed_bfloat16"; default the global policy's
            (`corekit.config.set_dtype_policy`), else `corekit.config.floatx()` for the weights.
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
    is_model = False
    training: bool
    dtype: torch.dtype
    first_inputs: Any  # args and kwargs of the call that built it, each tensor as (shape, dtype)
    built_with: Any  # args and kwargs of build
    drawn_calls: list[tuple[Any, Any]]
    activity_regularizer: Any
    _policy: DTypePolicy | None  # None: the layer computes as torch does
    _name: str | None
    _named_by_model: bool
    _trainable: bool
    _sample_shape: tuple[int | None, ...] | None
    _unassigned: list[str]  # weights that no attribute holds yet
    _regularizers: dict[str, WeightPenalty]
    _constraints: dict[str, Callable[[Tensor], Tensor]]
    _added_losses: list[Tensor]
    takes_maxima = False
    """Whether an output is the largest of some inputs, as in pooling: an activation with `never_falls` may wait."""
    link_activation: Callable[[Tensor], Tensor] | None = None
    """The activation that a layer applies last. A layer that has one (`Dense`) also has `logits`, its call without
    it, so that training can feed the loss with logits. None: what the layer returns is all there is."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "call" in cls.__dict__:
            cls.forward = building.filling_training(cls.__dict__["call"])  # type: ignore[method-assign]  # same method
        elif "forward" in cls.__dict__:
            cls.call = building.filling_training(cls.__dict__["forward"])  # type: ignore[method-assign]  # same method
            cls.forward = cls.call  # type: ignore[method-assign]  # same method
        if "build" in cls.__dict__:
            cls.build = building.building_once(cls.__dict__["build"])  # type: ignore[method-assign]  # same signature

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: str | torch.dtype | DTypePolicy | dict[str, Any] | None = None,
        activity_regularizer: Any = None,
        input_shape: Sequence[int | None] | int | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown(type(self), unknown, BASE_ARGUMENTS)
        super().__init__()
        sizes = (input_shape,) if isinstance(input_shape, int) else input_shape
        policy = precision.policy_of_layer(dtype)
        self.__dict__.update(  # one by one they would go through torch's __setattr__, at half the cost of a layer
            training=False,  # as in Keras: inference until somebody trains
            dtype=as_dtype(dtype) if policy is None else policy.variable_dtype,  # type: ignore[arg-type]  # no policy
            first_inputs=None,
            built_with=None,
            drawn_calls=[],
            activity_regularizer=None,
            _policy=policy,
            _name=name,
            _named_by_model=False,
            _trainable=trainable,
            _sample_shape=None if sizes is None else tuple(sizes),
            _unassigned=[],
            _regularizers={},
            _constraints={},
            _added_losses=[],
        )
        if activity_regularizer is not None:
            self.activity_regularizer = create("regularizers", activity_regularizer)
            self.register_forward_hook(building.add_activity_loss)

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
            name: unique within the layer; it is the attribute that `state_dict` names. Default the attribute that
                the weight is assigned to.

        Raises:
            ArgumentTypeError: the shape is missing its keyword, or holds something that is no size.
            ArgumentError: the name is taken.
        """
        shape = weight_shape(type(self).__name__, positional, shape, name)
        kind = self.dtype if dtype is None else as_dtype(dtype)
        return make_weight(self, shape, initializer, kind, trainable, regularizer, constraint, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Call a new weight by the attribute that holds it."""
        held = self.__dict__
        if not isinstance(value, _HELD_BY_TORCH):
            if "_modules" in held and not (
                name in held["_parameters"] or name in held["_buffers"] or name in held["_modules"]
            ):
                object.__setattr__(self, name, value)  # torch asks the same of a plain value, at many times the cost
                return
        elif isinstance(value, Tensor):
            if held.get("_unassigned"):
                call_weight(self, name, value)
            if "_parameters" in held and held["_parameters"].get(name) is value:
                return
        super().__setattr__(name, value)

    def add_loss(self, loss: Tensor) -> None:
        """Add a 0-d tensor to the loss of this step; call it from `call`."""
        if not loss.is_meta:  # a model is being drawn: there are no values yet
            self._added_losses.append(loss)

    def logits(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output without the last activation; a layer with a `link_activation` has this."""
        raise LayerError(
            f"{type(self).__name__} has a link_activation but no logits(): write it, or set link_activation = None."
        )

    # Calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Build at the first call, note symbolic calls in the graph, then compute."""
        one = len(args) == 1 and not kwargs and type(args[0]) is Tensor
        if not (self.built and (one or building.are_values(args, kwargs))):
            return self._careful_call(args, kwargs)
        if "training" in kwargs:
            with self._mode(kwargs.pop("training")):
                return self(*args, **kwargs)
        if (  # what torch's own __call__ asks, in one frame instead of three: half of a small layer's cost
            self._forward_hooks or self._forward_pre_hooks or self._backward_hooks or self._backward_pre_hooks
            or _global_forward_hooks or _global_forward_pre_hooks or _global_backward_hooks
            or _global_backward_pre_hooks or self._compiled_call_impl is not None or _get_tracing_state()
            or self._policy is not None
        ):  # fmt: skip
            return self._compute(args, kwargs)
        return self.forward(*args, **kwargs)

    def _careful_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call with what may be no tensor, or a layer that is not built."""
        building.check_made(self)
        symbol = find_symbolic(args, kwargs)
        if symbol is not None:
            return symbol.record(self, args, kwargs)
        args, kwargs = map_tree(building.as_tensor, (args, kwargs))
        with self._mode(kwargs.pop("training", None)):
            return self._compute(args, kwargs) if self.built else building.first_call(self, args, kwargs)

    def _compute(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call as torch does, under the layer's policy."""
        call = super().__call__
        return call(*args, **kwargs) if self._policy is None else precision.run(self, call, args, kwargs)

    def build_from(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Build for the arguments of a call: tensors, or anything with a shape.

        Raises:
            ShapeError: `build` refuses the shape.
        """
        building.build_from(self, args, kwargs)

    def _mode(self, training: bool | None) -> building.Mode:
        """Return a context in which the training flag of the whole tree is set; None changes nothing."""
        return building.Mode(self, training)

    # Names, weights, losses

    @property
    def name(self) -> str:
        """How summaries and files call the layer."""
        return self._name or snake_case(self._named_after())

    @name.setter
    def name(self, value: str) -> None:
        self._name = value

    def _named_after(self) -> str:
        """Return what a layer without a name of its own is called after."""
        return type(self).__name__

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
        """Return weights by path, each once and no metric's: of each layer the trainable ones, then its state."""
        return gathering.weights_by_path(self)

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
        return gathering.arrays(self.weights)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Copy arrays into the weights, in the order of `weights`.

        Raises:
            ShapeError: their number or a shape differs; nothing was changed.
        """
        gathering.copy_into(self, weights)

    # Precision

    @property
    def dtype_policy(self) -> DTypePolicy:
        """The dtypes to compute in and of the weights; of a layer that was given none, its weights'."""
        return self._policy or DTypePolicy(dtype_name(self.dtype))

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self._policy = precision.as_policy(value)
        self.dtype = self._policy.variable_dtype

    @property
    def compute_dtype(self) -> torch.dtype:
        """The dtype that the layer computes in; that of its products, in mixed precision."""
        return self.dtype if self._policy is None else self._policy.compute_dtype

    @property
    def variable_dtype(self) -> torch.dtype:
        """The dtype of the weights."""
        return self.dtype

    def precision(self) -> AbstractContextManager[Any]:
        """Return the context that the layer computes in; for calls that pass it by, as `model.logits(x)` does."""
        return precision.context_of(self)

    def precise_logits(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the logits under the layer's policy; what models call."""
        call = self.logits
        return call(*args, **kwargs) if self._policy is None else precision.run(self, call, args, kwargs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments by name; a dtype policy by its name."""
        return precision.named_in(super().get_config())

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch's
        precision.follow(self, fn)
        return self

    @property
    def input(self) -> Any:
        """What the layer's last call in a drawn model takes, symbolically."""
        return building.last_drawn(self)[0]

    @property
    def output(self) -> Any:
        """What the layer's last call in a drawn model gives, symbolically: a point to go on drawing from."""
        return building.last_drawn(self)[1]

    def __getstate__(self) -> dict[str, Any]:
        """Leave drawn calls and added losses behind: a copy has its own life, and their chains may be very long."""
        return {**self.__dict__, "drawn_calls": [], "_added_losses": []}

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args)
        building.tell_unbuilt(self, state_dict, prefix, errors=args[-1])

    def count_params(self) -> int:
        """Return how many numbers the weights hold."""
        return sum(weight.numel() for weight in self.weights)

    @property
    def losses(self) -> list[Tensor]:
        """The penalties of the weights and what calls added since `clear_losses`, of this layer and those inside it."""
        return gathering.penalties(self)

    def clear_losses(self) -> None:
        """Forget what calls added; `fit` does it before each step, a loop of your own that uses `losses` must too."""
        for part in gathering.layers_in(self):
            part._added_losses.clear()

    def constrain_weights(self) -> None:
        """Bring every constrained weight back to where it may be; training does it after each optimizer step."""
        gathering.constrain(self)

    def extra_repr(self) -> str:
        """Return the name and whether the weights exist."""
        return f"name={self.name}, built={self.built}"


__all__ = ["BASE_ARGUMENTS", "Layer", "Shape", "axis_sizes"]
