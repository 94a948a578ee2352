"""Anything as a layer: torch modules, names, configs, functions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from corekit.errors import ArgumentTypeError
from corekit.protocols import building
from corekit.protocols.creation import named
from corekit.protocols.layer import BASE_ARGUMENTS, Layer


class TorchLayer(Layer):
    """A torch module as a layer.

    Args:
        module: any `nn.Module`; a lazy one (`nn.LazyLinear`) is initialised when the input's shape is known.
    """

    def __init__(self, module: nn.Module, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.module = module.train(self.training)
        if not self.trainable and not self._is_lazy():
            self.trainable = False  # the module too; a lazy one's weights when it is built

    def build(self, input_shape: Any) -> None:
        """Run a lazy module once, so that its weights exist."""
        if self._is_lazy() and isinstance(input_shape, tuple):
            with torch.no_grad():
                self.module(torch.zeros([size or 1 for size in input_shape], dtype=self.dtype))

    def _is_lazy(self) -> bool:
        return any(nn.parameter.is_lazy(weight) for weight in self.module.parameters())

    def _named_after(self) -> str:
        return type(self.module).__name__

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Call the module."""
        return self.module(*args, **kwargs)


class FunctionLayer(Layer):
    """A function of tensors as a layer without weights. A model file cannot hold it: write a Layer class for that.

    Args:
        function: called with the layer's inputs.
    """

    def __init__(self, function: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.function = function

    def _named_after(self) -> str:
        name = str(getattr(self.function, "__name__", type(self.function).__name__))
        return name if name.isidentifier() else "function"

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)


def layer(spec: Any, **kwargs: Any) -> Layer:
    """Turn anything that can act as a layer into one. Sequential does it by itself.

    Args:
        spec: a Layer (returned as it is), an `nn.Module`, a registered name or id, a config `{"id": ..., "config":
            {...}}`, a class of layers or modules, or a function.
        kwargs: constructor arguments, where `spec` is a name or a class; else those of Layer, such as `name`.

    Raises:
        ArgumentTypeError: it is none of these.
        UnknownNameError: no installed distribution has the name.

    Example:
        >>> layer(nn.Linear(3, 2))(torch.ones(4, 3)).shape
        torch.Size([4, 2])
        >>> layer("corekit-layers-basic:Dense", units=2)(torch.ones(4, 3)).shape
        torch.Size([4, 2])
    """
    if isinstance(spec, Layer):
        building.check_made(spec)
        if kwargs:
            raise ArgumentTypeError(f"{spec.name} is a layer already; give {', '.join(kwargs)} where it is made.")
        return spec
    if isinstance(spec, nn.Module):
        return TorchLayer(spec, **kwargs)
    if isinstance(spec, str):
        return _made(named("layers", spec), kwargs)
    if isinstance(spec, dict) and ("id" in spec or "class_name" in spec):
        found = named("layers", str(spec.get("id", spec.get("class_name"))))
        return _made(found, {**spec.get("config", {}), **kwargs})
    if callable(spec):
        return _made(spec, kwargs)
    raise ArgumentTypeError(
        f"{spec!r} ({type(spec).__name__}) cannot act as a layer.\n"
        '  Give a layer (corekit.layers.Dense(10)), a name ("Flatten"), a torch module, or a function of tensors.'
    )


def _made(found: Any, config: dict[str, Any]) -> Layer:
    """Return the layer of a class of layers or modules, or of a function."""
    cls = layer_class(found, getattr(found, "__name__", ""))
    if not isinstance(cls, type):
        return FunctionLayer(found, **config)
    if not issubclass(cls, Layer):
        raise ArgumentTypeError(f"{cls.__name__} is neither a class of layers nor one of torch modules.")
    return cls.from_config(config)


def layer_class(value: Any, name: str) -> Any:
    """Return `value` as a class of layers: itself if it is one, a wrapper where it is a class of torch modules."""
    if isinstance(value, type) and issubclass(value, nn.Module) and not issubclass(value, Layer):
        return _wrapper_of(value)  # type: ignore[arg-type]  # mypy takes a class's __hash__ for its metaclass's
    if isinstance(value, type) or not callable(value):
        return value
    return functools.partial(FunctionLayer, value)


@functools.cache
def _wrapper_of(module_class: Any) -> type[TorchLayer]:
    """Return the layer class whose constructor takes `module_class`'s arguments, and Layer's beside them."""
    taken = inspect.signature(module_class.__init__).parameters
    own = [name for name in BASE_ARGUMENTS if name not in taken]

    class Wrapped(TorchLayer):
        wrapped_class = module_class

        def __reduce__(self) -> Any:  # pickle cannot find this class by name; it has the module's
            return _new_wrapped, (module_class,), self.__getstate__()

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            base = {name: kwargs.pop(name) for name in own if name in kwargs}
            super().__init__(module_class(*args, **kwargs), **base)

    Wrapped.__name__ = Wrapped.__qualname__ = module_class.__name__
    Wrapped.__doc__ = module_class.__doc__
    Wrapped.__module__ = module_class.__module__
    return Wrapped


def _new_wrapped(module_class: type[nn.Module]) -> TorchLayer:
    cls = _wrapper_of(module_class)  # type: ignore[arg-type]  # as above
    return cls.__new__(cls)
