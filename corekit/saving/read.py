"""From a file to a model: check everything, resolve every name through the registry, then build."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from corekit.errors import LoadError
from corekit.model.construction import construct
from corekit.model.model import Model
from corekit.registry import registry
from corekit.saving import format as files
from corekit.saving.format import Contents
from corekit.saving.write import DTYPES

_TORCH_DTYPES = {name: dtype for dtype, name in DTYPES.items()}


def load_model(filepath: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None) -> Model:
    """Read a model that `model.save` wrote; it is not compiled.

    Nothing in the file can name code: parts come from the registry, or from `custom_objects`. The whole file is
    checked, hashes included, before anything is built.

    Args:
        filepath: of a `.safetensors` file.
        custom_objects: classes of your own program by name, where they are not registered.

    Raises:
        LoadError: `code` says why: "not-found", "not-corekit", "newer-format", "damaged", "missing-part",
            "bad-description", "wrong-kind", "weights-differ".
    """
    with files.opened(Path(filepath)) as (contents, view):
        model = construct(contents.metadata.get("architecture"), custom_objects)
        if not isinstance(model, Model):
            raise LoadError(f"{filepath} holds a {type(model).__name__}, which is no model.", code="wrong-kind")
        _fill(model, contents, view)
        frozen = contents.metadata.get("frozen")
        for name, weight in model.named_parameters():
            weight.requires_grad_(name not in (frozen if isinstance(frozen, list) else ()))
    model.eval()
    registry.call_hooks("model_loaded", model=model, path=str(filepath))
    return model


def _fill(model: Model, contents: Contents, view: memoryview) -> None:
    weights = model.named_weights()
    missing, surplus = weights.keys() - contents.tensors.keys(), contents.tensors.keys() - weights.keys()
    if missing or surplus:
        raise LoadError(
            f"the file's weights are not the model's: missing {sorted(missing) or 'none'}, "
            f"too many {sorted(surplus) or 'none'}.",
            code="weights-differ",
        )
    for name, weight in weights.items():
        stored = contents.tensors[name]
        dtype = _TORCH_DTYPES[stored.dtype]
        same_sort = weight.dtype == dtype or (weight.dtype.is_floating_point and dtype.is_floating_point)
        if tuple(weight.shape) != stored.shape or not same_sort:
            raise LoadError(
                f"weight {name!r} is {weight.dtype} {tuple(weight.shape)} in the model, "
                f"{stored.dtype} {stored.shape} in the file.",
                code="weights-differ",
            )
    with torch.no_grad():
        for name, weight in weights.items():
            stored = contents.tensors[name]
            if weight.dtype != _TORCH_DTYPES[stored.dtype]:  # it was saved after `model.to(dtype)`
                weight.data = weight.data.to(_TORCH_DTYPES[stored.dtype])
            if weight.numel():
                start = contents.data_start + stored.start
                weight.copy_(_tensor(view[start : contents.data_start + stored.stop], weight))


def _tensor(content: memoryview, like: Tensor) -> Tensor:
    raw = torch.frombuffer(bytearray(content), dtype=like.dtype)  # a copy: the map is read-only and closes
    return raw.reshape(like.shape)
