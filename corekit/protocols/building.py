"""When and with what a layer builds: once, with shapes taken from its first call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from corekit.errors import LayerError, StateError
from corekit.protocols.dtype import as_dtype, dtype_name
from corekit.protocols.tree import leaves, map_tree

Shape = tuple[int | None, ...]


def axis_sizes(shape: Sequence[int | None]) -> str:
    """Return a shape as errors and summaries write it.

    Example:
        >>> axis_sizes((None, 784))
        '(batch, 784)'
    """
    words = ["batch" if size is None and axis == 0 else "any" if size is None else str(size)
             for axis, size in enumerate(shape)]  # fmt: skip
    return f"({', '.join(words)}{',' if len(words) == 1 else ''})"


def filling_training(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return `call`, with its `training` argument filled from the module's flag where it has one."""
    if "training" not in inspect.signature(call).parameters:
        return call

    @functools.wraps(call)
    def forward(self: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs:  # the usual call, at half the cost
            return call(self, args[0], training=self.training if training is None else training)
        return call(self, *args, training=self.training if training is None else training, **kwargs)

    return forward


class Mode:
    """Sets the training flag of a whole tree, and brings each module's own flag back.

    Why not `contextlib.contextmanager`: torch.compile cannot always trace a generator.

    Args:
        layer: the tree's root.
        training: the flag; None leaves all as it is.
    """

    def __init__(self, layer: torch.nn.Module, training: bool | None) -> None:
        self.layer, self.training = layer, training
        self.flags: list[tuple[torch.nn.Module, bool]] = []

    def __enter__(self) -> None:
        if self.training is not None:
            flags = [(module, module.training) for module in tree(self.layer)]
            if any(flag != self.training for _, flag in flags):
                self.flags = flags
                self.layer.train(bool(self.training))

    def __exit__(self, *error: object) -> None:
        for module, flag in self.flags:
            if module.training != flag:
                module.training = flag


def tree(layer: torch.nn.Module) -> list[torch.nn.Module]:
    """Return a module and all inside it, each once: `modules()` without the paths, which cost most of its time."""
    found: dict[torch.nn.Module, None] = {}
    _visit(layer, found)
    return list(found)


def _visit(module: torch.nn.Module, found: dict[torch.nn.Module, None]) -> None:
    if module not in found:
        found[module] = None
        for child in module._modules.values():
            if child is not None:
                _visit(child, found)


def building_once(build: Callable[..., None]) -> Callable[..., None]:
    """Return `build` for a first call; a second does nothing, so weights are never made twice."""
    parameters = list(inspect.signature(build).parameters.values())[1:]
    wanted = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]

    @functools.wraps(build)
    def once(self: Any, *args: Any, **kwargs: Any) -> None:
        if self.built:
            return
        if torch.is_inference_mode_enabled():  # a weight that is made in it could never be trained
            with torch.inference_mode(False):
                build(self, *args, **kwargs)
        else:
            build(self, *args, **kwargs)
        self.__dict__.update(built=True, built_with=(args, kwargs))
        if not self._trainable:
            self.trainable = False  # also what is inside it

    once.takes = wanted, {p.name for p in parameters if p.default is not p.empty}  # type: ignore[attr-defined]  # a mark of ours
    return once


def build_from(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Build a layer for the arguments of a call; see `Layer.build_from`."""
    if not layer.built:
        layer.build(**shapes_for_build(layer, args, kwargs))
        if not layer.built:
            layer.built = True
        if not layer._trainable:
            layer.trainable = False  # also what is inside it
    if layer.first_inputs is None:
        one = len(args) == 1 and not kwargs and hasattr(args[0], "shape")
        layer.__dict__["first_inputs"] = ((remembered(args[0]),), {}) if one else map_tree(remembered, (args, kwargs))


def first_call(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Build a layer where its input is, and call it."""
    tensor = next((value for value in leaves((args, kwargs)) if isinstance(value, torch.Tensor)), None)
    on_meta = tensor is not None and tensor.device.type == "meta"
    with nullcontext() if tensor is None or on_meta else torch.device(tensor.device):
        layer.build_from(args, kwargs)
    try:
        if on_meta:  # a shape is being inferred
            return call_on_meta(layer, args, kwargs)
        return layer._compute(args, kwargs)
    except AttributeError as error:
        explain_missing_weight(layer, error)
        raise


def last_drawn(layer: Any) -> tuple[Any, Any]:
    """Return what the last call of a layer in a drawn model takes and gives.

    Raises:
        StateError: there is none.
    """
    if not layer.drawn_calls:
        raise StateError(
            f'"{layer.name}" is not part of a drawn model, so it has no symbolic input or output.\n'
            "  Draw with corekit.Input, or give the Sequential's first layer an input_shape."
        )
    drawn: tuple[Any, Any] = layer.drawn_calls[-1]
    return drawn


def shapes_for_build(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Match `build`'s parameters with the shapes of the call's arguments, by name."""
    wanted, defaults = getattr(type(layer).build, "takes", ([], set()))  # by building_once
    if not wanted:
        return {}
    given = args[0] if args else next(iter(kwargs.values()), None)
    first = map_tree(shape_of, given)
    if len(wanted) == 1:
        return {wanted[0]: first}
    kwargs = {key: value for key, value in kwargs.items() if key != "training"}
    bound = inspect.signature(type(layer).call).bind(layer, *args, **kwargs).arguments
    shapes = {f"{key}_shape": map_tree(shape_of, value) for key, value in bound.items()}
    shapes.setdefault(wanted[0], first)
    return {name: shapes.get(name) for name in wanted if name in shapes or name not in defaults}


def shape_of(value: Any) -> Shape | None:
    """Return a tensor's shape with an open batch, or None for what is no tensor."""
    shape = getattr(value, "shape", None)
    return None if shape is None else (None, *shape[1:]) if shape else ()


def remembered(value: Any) -> Any:
    """Return what to keep of an argument of the first call: a tensor's (shape, dtype), a plain value as it is."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return shape_of(value), dtype_name(value.dtype)
    return value if isinstance(value, (bool, int, float, str)) else None


_VALUES = {torch.Tensor, torch.nn.Parameter, type(None), bool, int, float, str}


def are_values(args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Return whether arguments can go to `call` as they are: no array among them, and no symbol.

    Example:
        >>> are_values([torch.ones(1), [torch.ones(1), 2]], {}), are_values([np.ones(1)], {})
        (True, False)
    """
    for value in args:
        kind = type(value)
        if kind not in _VALUES and not ((kind is list or kind is tuple) and are_values(value, {})):
            return False
    return not kwargs or are_values(list(kwargs.values()), {})


def as_tensor(value: Any) -> Any:
    """Return a numpy array as a tensor, floating point as `floatx`; anything else as it is."""
    if not isinstance(value, np.ndarray):
        return value
    tensor = torch.as_tensor(value)
    return tensor.to(as_dtype(None)) if tensor.is_floating_point() else tensor


def call_on_meta(module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a module on meta tensors, with meta tensors in place of its weights: the real ones stay as they are."""
    state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    meta = {key: torch.empty_like(value, device="meta") for key, value in state.items()}
    return torch.func.functional_call(module, meta, args, kwargs)


def check_made(layer: Any) -> None:
    """Raise where the layer's class forgot `super().__init__()`, or where it would have to be built while compiling."""
    if "built_with" not in layer.__dict__:
        raise LayerError(
            f"{type(layer).__name__}.__init__ does not call super().__init__().\n"
            "  Write  super().__init__()  as its first line."
        )
    if not layer.built and torch.compiler.is_dynamo_compiling():  # without fullgraph, torch now calls it uncompiled
        raise StateError(f"{type(layer).__name__} is not built yet: call it once before torch.compile(fullgraph=True).")


def tell_unbuilt(layer: Any, state_dict: dict[str, Any], prefix: str, errors: list[str]) -> None:
    """Add to the errors of `load_state_dict` that a layer has no weights yet to load into."""
    if not layer.built and any(key.startswith(prefix) and "." not in key[len(prefix) :] for key in state_dict):
        errors.append(
            f'"{layer.name}" is not built yet, so it has no weights: call it once, or build it for a shape, first.'
        )


def explain_missing_weight(layer: Any, error: AttributeError) -> None:
    """Raise a LayerError that teaches `build`, where `error` comes from a layer that needs one and has none."""
    missing, cls = error.name, type(layer).__name__
    has_build = hasattr(type(layer).build, "__wrapped__")  # by building_once
    if has_build or missing is None or f"'{cls}' object" not in str(error):
        return
    layer.built = False  # so that a second call explains it again
    size = ", self.units" if hasattr(layer, "units") else ", ..."
    raise LayerError(
        f"{cls}.call uses self.{missing}, but {cls} never makes it: the class has no build method.\n"
        f"  Add to class {cls}:\n"
        "      def build(self, input_shape):\n"
        f'          self.{missing} = self.add_weight(shape=(input_shape[-1]{size}), name="{missing}")\n'
        "  with the shape that your call needs."
    ) from error


def add_activity_loss(layer: Any, args: Any, output: Any) -> None:
    """Charge a layer for what it gave; a forward hook of layers with an activity regularizer."""
    for value in leaves(output):
        layer.add_loss(layer.activity_regularizer(value) / max(value.shape[0], 1))
