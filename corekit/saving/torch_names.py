"""What torch's modules call the weights of our layers, and how theirs lie: data, for loading a torch `state_dict`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from corekit.errors import ArgumentError
from corekit.protocols.dtype import dtype_name
from corekit.protocols.layer import Layer
from corekit.saving.filling import TORCH_DTYPES, tensor_of
from corekit.saving.format import StoredTensor
from corekit.saving.matching import Stored
from corekit.saving.taking import Memory

Make = Callable[..., Tensor]


def _same(x: Tensor) -> Tensor:
    return x


def _matrix(x: Tensor) -> Tensor:
    return x.t()


def _channels_last(x: Tensor) -> Tensor:
    """Return (out, in, ...) as (..., in, out)."""
    return x.permute(*range(2, x.dim()), 1, 0)


def _gru_kernel(x: Tensor) -> Tensor:
    """Return (3 units, in) of the gates r, z, n as (in, 3 units) of z, r, n."""
    r, z, n = x.chunk(3)
    return torch.cat([z, r, n]).t()


def _gru_bias(of_input: Tensor, of_state: Tensor) -> Tensor:
    return torch.stack([torch.cat([z, r, n]) for r, z, n in (of_input.chunk(3), of_state.chunk(3))])


_BIAS: dict[str, tuple[tuple[str, ...], Make]] = {"bias": (("bias",), _same)}
_NORM = {"gamma": (("weight",), _same), "beta": (("bias",), _same)}
_RECURRENT = ("bias_ih_l0", "bias_hh_l0")

TWINS: dict[str, Mapping[str, tuple[tuple[str, ...], Make]]] = {
    "BatchNormalization": {
        **_NORM,
        "moving_mean": (("running_mean",), _same),
        "moving_variance": (("running_var",), _same),
    },
    "Conv1D": {"kernel": (("weight",), _channels_last), **_BIAS},
    "Conv2D": {"kernel": (("weight",), _channels_last), **_BIAS},
    "Dense": {"kernel": (("weight",), _matrix), **_BIAS},
    "Embedding": {"embeddings": (("weight",), _same)},
    "GRU": {
        "kernel": (("weight_ih_l0",), _gru_kernel),
        "recurrent_kernel": (("weight_hh_l0",), _gru_kernel),
        "bias": (_RECURRENT, _gru_bias),
    },
    "LSTM": {
        "kernel": (("weight_ih_l0",), _matrix),
        "recurrent_kernel": (("weight_hh_l0",), _matrix),
        "bias": (_RECURRENT, torch.add),
    },
    "LayerNormalization": _NORM,
}
"""Layer -> weight -> (the names of what torch's module has instead, how ours is made of that)."""

IGNORED = ("num_batches_tracked",)  # torch counts them, and uses the count only without a momentum


@dataclass(frozen=True)
class Remade:
    """A weight of ours that is made of what a torch module has instead."""

    parts: tuple[Stored, ...]
    make: Make

    @property
    def dtype(self) -> str:
        """Its dtype by torch's name."""
        return self.parts[0].dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape; that of the first part, where none can be made of it."""
        try:
            return tuple(self.make(*(torch.empty(part.shape, device="meta") for part in self.parts)).shape)
        except (RuntimeError, ValueError, TypeError):
            return self.parts[0].shape

    def tensor(self) -> Tensor:
        """Return the numbers."""
        return self.make(*(part.tensor() for part in self.parts))


def places(model: Layer, found: dict[str, Stored]) -> tuple[dict[str, Stored], dict[str, str]]:
    """Return the arrays of a file, those of torch's modules made into ours, and name of a weight -> array.

    An array of the weight's own name comes first; else, for layers that torch has too, those of torch's names.
    """
    arrays = {name: stored for name, stored in found.items() if name.rpartition(".")[2] not in IGNORED}
    parts: dict[str, Any] = dict(model.named_modules())
    where: dict[str, str] = {}
    for name in model.named_weights():
        path, dot, own = name.rpartition(".")
        leaves, make = TWINS.get(type(parts.get(path)).__name__, {}).get(own, ((), _same))
        twins = [f"{path}{dot}{leaf}" for leaf in leaves]
        where[name] = name
        if name not in found and twins and all(twin in arrays for twin in twins):
            where[name] = " + ".join(twins)
            made = Remade(tuple(arrays.pop(twin) for twin in twins), make)
            arrays[where[name]] = made
    return arrays, where


def renamed(found: dict[str, Stored], rename: Mapping[str, str] | Callable[[str], str] | None) -> dict[str, Stored]:
    """Return the arrays under the names that a model has for them.

    Raises:
        ArgumentError: two would have one name.

    Example:
        >>> list(renamed({"net.0.weight": None, "net.01": None}, {"net.0": "dense"}))
        ['dense.weight', 'net.01']
    """
    if rename is None:
        return found
    change = rename if callable(rename) else _by_prefix(rename)
    old: dict[str, str] = {}
    for name in found:
        new = change(name)
        if new in old:
            raise ArgumentError(f"rename makes one name, {new!r}, of {old[new]!r} and {name!r}. Nothing was loaded.")
        old[new] = name
    return {new: found[name] for new, name in old.items()}


def _by_prefix(rename: Mapping[str, str]) -> Callable[[str], str]:
    def change(name: str) -> str:
        parts = name.split(".")
        for length in range(len(parts), 0, -1):
            if (prefix := ".".join(parts[:length])) in rename:
                return ".".join(filter(None, (rename[prefix], *parts[length:])))
        return name

    return change


@dataclass(frozen=True)
class InFile:
    """An array of a safetensors file, in memory."""

    held: StoredTensor
    content: Memory

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.held.shape

    @property
    def dtype(self) -> str:
        """Its dtype by torch's name."""
        return dtype_name(TORCH_DTYPES[self.held.dtype])

    def tensor(self) -> Tensor:
        """Return the numbers, over the bytes themselves."""
        return tensor_of(self.content, self.held)
