"""What an exported model takes: its inputs by name, shape and dtype, and random values for them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from corekit.errors import ArgumentError, ArgumentTypeError, SaveError
from corekit.model.construction import map_remembered
from corekit.model.graph import Graph, SymbolicTensor
from corekit.model.model import Model
from corekit.model.naming import free_name
from corekit.model.running import fill
from corekit.protocols.building import Shape, as_tensor
from corekit.protocols.dtype import as_dtype
from corekit.protocols.tree import leaves, map_tree

PLAIN = (type(None), bool, int, float, str)  # arguments that are no inputs: a file has them as they are


@dataclass(frozen=True)
class Taken:
    """One input: its name, its shape with None for an open axis, its dtype, and values to draw from, if given."""

    name: str
    shape: Shape
    dtype: torch.dtype
    example: Tensor | None = None

    @property
    def open_axes(self) -> list[int]:
        """The axes whose size the caller chooses."""
        return [axis for axis, size in enumerate(self.shape) if size is None]

    def zeros(self, batch: int, other: int) -> Tensor:
        """Return zeros of the input's shape with these sizes for open axes."""
        return torch.zeros(self._sizes(batch, other), dtype=self.dtype)

    def random(self, batch: int, other: int, vocabulary: int | None, generator: torch.Generator) -> Tensor:
        """Return random values: whole numbers below `vocabulary` where one is known, else normal ones.

        Whole numbers of unknown meaning are 0 and 1, which nearly every use of them takes.
        """
        sizes = self._sizes(batch, other)
        if self.example is not None and sizes[1:] == list(self.example.shape[1:]):
            return self.example[torch.randint(len(self.example), (sizes[0],), generator=generator)]
        if vocabulary is None and (self.dtype.is_floating_point or self.dtype.is_complex):
            return torch.randn(sizes, generator=generator, dtype=torch.float64).to(self.dtype)
        return torch.randint(2 if vocabulary is None else vocabulary, sizes, generator=generator).to(self.dtype)

    def _sizes(self, batch: int, other: int) -> list[int]:
        return [size if size is not None else other if axis else batch for axis, size in enumerate(self.shape)]


@dataclass(frozen=True)
class Signature:
    """The arguments of a model's call, with a Taken in the place of each tensor."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def inputs(self) -> list[Taken]:
        """The inputs in the order in which a file takes them."""
        return [value for value in leaves((self.args, self.kwargs)) if isinstance(value, Taken)]

    def filled(self, tensors: Iterable[Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments with tensors in the places of the inputs."""
        given = iter(tensors)
        filled: tuple[tuple[Any, ...], dict[str, Any]] = map_tree(
            lambda value: next(given) if isinstance(value, Taken) else value, (self.args, self.kwargs)
        )
        return filled


def signature_of(model: Model, given: Any = None) -> Signature:
    """Return what a model takes: what it was drawn with, or was called with first, or what `given` says.

    Args:
        model: built.
        given: one entry for each argument of the model's call: a `corekit.Input`, an example (array or tensor with the
            batch first), anything else with a shape and a dtype, such as `keras.InputSpec`, or a structure of these.
            A single entry may stand without the list.

    Raises:
        ArgumentTypeError: there is something else in it.
        ArgumentError: a drawn model has another number of inputs.
        SaveError: nothing is given, and the model does not know.
    """
    if given is not None:
        return _given(model, given)
    if model.graph is not None:
        specs, names = model.graph.specs, iter(_names(model.graph))
        taken = {slot.index: Taken(next(names), *specs[slot.index]) for slot in leaves(model.graph.inputs)}
        return Signature((fill(model.graph.inputs, taken),), {})
    if model.first_inputs is None:
        raise SaveError(
            f'"{model.name}" was neither drawn nor called, so it does not know its inputs.\n'
            f"  Write  model.export(..., input_signature=[corekit.Input(shape=(...))]),  or call it once before."
        )
    args, kwargs = map_remembered(model.first_inputs)
    return _named(model, args, kwargs, lambda value, name: Taken(name, value.shape, value.dtype))


def _given(model: Model, given: Any) -> Signature:
    args = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    signature = _named(model, args, {}, _taken)
    if not signature.inputs:
        raise ArgumentTypeError(
            f"input_signature={given!r:.200} names no input.\n"
            "  Write one corekit.Input for each argument:  input_signature=[corekit.Input(shape=(28, 28, 1))]."
        )
    if model.graph is None:
        return signature
    names = _names(model.graph)
    if len(signature.inputs) != len(names):
        raise ArgumentError(
            f'"{model.name}" has {len(names)} inputs ({", ".join(names)}), input_signature has '
            f"{len(signature.inputs)}.\n  A drawn model knows its inputs: leave input_signature out."
        )
    renamed = iter([replace(taken, name=name) for name, taken in zip(names, signature.inputs, strict=True)])
    return Signature(map_tree(lambda v: next(renamed) if isinstance(v, Taken) else v, signature.args), {})


def _names(graph: Graph) -> list[str]:
    """Return the inputs' names, each once: two Inputs may be called the same."""
    names: list[str] = []
    for name in graph.input_names:
        names.append(free_name(name, names))
    return names


def _named(model: Model, args: tuple[Any, ...], kwargs: dict[str, Any], taken: Any) -> Signature:
    """Return a signature, each input named after the parameter of `call` that takes it."""
    try:
        bound = inspect.signature(type(model).call).bind(model, *args, **kwargs).arguments
        parameters = [name for name in bound if name != "self"][: len(args)]
    except TypeError:
        parameters = []
    parameters += [f"input_{number}" for number in range(len(parameters), len(args))]
    used: list[str] = []

    def name_all(value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return {key: name_all(item, str(key)) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(name_all(item, f"{name}_{number}") for number, item in enumerate(value))
        if isinstance(value, PLAIN):
            return value
        made = taken(value, name)
        used.append(free_name(made.name, used))
        return replace(made, name=used[-1])

    named = tuple(name_all(value, name) for value, name in zip(args, parameters, strict=True))
    return Signature(named, {key: name_all(value, key) for key, value in kwargs.items()})


def _taken(value: Any, name: str) -> Taken:
    """Return the input that an entry of `input_signature` describes."""
    if isinstance(value, SymbolicTensor):
        return Taken(value.name, tuple(value.shape), value.dtype)
    if isinstance(value, (np.ndarray, Tensor)):
        tensor = as_tensor(value).detach().cpu()
        shape = (None, *tensor.shape[1:]) if tensor.ndim else ()
        return Taken(name, shape, tensor.dtype, tensor if tensor.ndim and len(tensor) else None)
    given, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    sizes = tuple(given) if isinstance(given, Iterable) else (...,)
    if all(size is None or isinstance(size, int) for size in sizes):
        kind = dtype if dtype is None or isinstance(dtype, torch.dtype) else getattr(dtype, "name", str(dtype))
        return Taken(getattr(value, "name", None) or name, sizes, as_dtype(kind))
    raise ArgumentTypeError(
        f"input_signature holds {value!r:.100} ({type(value).__name__}).\n"
        "  Give a corekit.Input(shape=...), or an example: an array or tensor with the batch first."
    )


def batches(inputs: list[Taken], vocabularies: list[int | None]) -> Iterator[tuple[int, list[Tensor]]]:
    """Give random inputs for two sizes of the batch, and of all other open axes; for one where no axis is open.

    The numbers are the same each time, and torch's own generators are left alone.
    """
    generator = torch.Generator().manual_seed(0)
    sizes = SIZES if any(taken.open_axes for taken in inputs) else SIZES[:1]
    for batch, other in sizes:
        pairs = zip(inputs, vocabularies, strict=True)
        yield batch, [taken.random(batch, other, vocabulary, generator) for taken, vocabulary in pairs]


# The batch and the other open axes. The latter are multiples of 32, so that pooling windows fit, and differ from the
# 64 with which a model is recorded.
RECORDED = (2, 64)
SIZES = ((1, 32), (3, 96))
