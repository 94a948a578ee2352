"""From a model to a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import corekit
from corekit.errors import CorekitError, SaveError
from corekit.model.config import describe
from corekit.model.ids import named_ids
from corekit.model.model import Model
from corekit.model.placeholder import Placeholder
from corekit.registry import registry
from corekit.saving import compiled, dividing, ties
from corekit.saving.storing import Source

DTYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


def save_model(
    model: Model,
    filepath: str | os.PathLike[str],
    *,
    overwrite: bool = True,
    include_optimizer: bool = False,
    max_shard_size: float | None = None,
) -> None:
    """Write a model's architecture, weights and, if it is compiled, how; into several files where they are large.

    Args:
        model: built.
        filepath: ends in ".safetensors".
        overwrite: whether an existing file may be replaced.
        include_optimizer: whether to write the state of the optimizer, too; see `Model.save`.
        max_shard_size: GB that a file may have; see `Model.save`.

    Raises:
        ArgumentError: `max_shard_size` is no size.
        SaveError: the model is not built, or holds what a file cannot describe, or the disk refuses. A file that was
            there before is untouched.
    """
    path = new_file(model, filepath, overwrite=overwrite, verb="save")
    ties.check(model)
    architecture = describe(model)
    training, state = compiled.describe(model, include_optimizer=include_optimizer)
    requires = _requires(model, architecture, training)
    frozen = [name for name, weight in model.named_parameters() if not weight.requires_grad]
    metadata = {
        "corekit": corekit.__version__, "architecture": architecture, "requires": requires, "frozen": frozen,
        **({} if training is None else {"training": training}),
    }  # fmt: skip
    tensors = sources({**model.named_weights(), **state})
    dividing.write(path, tensors, metadata, max_shard_size=max_shard_size)
    registry.call_hooks("model_saved", model=model, path=str(path))


def new_file(model: Model, filepath: str | os.PathLike[str], *, overwrite: bool, verb: str) -> Path:
    """Return where a model's file goes, after a check that it can.

    Raises:
        SaveError: the name, the folder or the model is not such that it could be saved there.
    """
    path, what = Path(filepath), "a model" if verb == "save" else "a weights"
    if path.suffix != ".safetensors":
        raise SaveError(
            f'{verb}("{path}"): {what} file is called *.safetensors.\n  Write  model.{verb}("{path.stem}.safetensors").'
        )
    if path.exists() and not overwrite:
        raise SaveError(f"{path} exists, and overwrite is False. Nothing was written.")
    if not path.parent.is_dir():
        raise SaveError(f"{path} cannot be written: there is no folder {path.parent}.")
    if not model.built:
        raise SaveError(
            f'"{model.name}" is not built, so it has no weights to save. Call it once, or give its first layer an '
            "input_shape."
        )
    return path


def _requires(model: Model, *records: Any) -> dict[str, str]:
    """Return the versions of the distributions that records name; of what is not here those of its file."""
    kept: list[Any] = [part for part in model.modules() if isinstance(part, Placeholder)]
    kept += [one for one in [compiled.kept_training(model)] if one is not None]
    claimed = {key: value for part in kept for key, value in part.requires.items()}
    found: dict[str, str] = {}
    for kind, name in sorted({named for record in records for named in named_ids(record)}):
        distribution = name.partition(":")[0]
        try:
            version = registry.find(kind, name).version
        except CorekitError:
            if not kept:
                raise
            version = claimed.get(distribution, "")
        if version:
            found[distribution] = version
    return found


def sources(weights: Mapping[str, Tensor]) -> dict[str, Source]:
    """Return weights as a file has them; the bytes are made when they are written, of a device one weight at a time.

    Raises:
        SaveError: one has a dtype that files do not have, or no values.
    """
    found = {}
    for name, weight in weights.items():
        dtype = DTYPES.get(weight.dtype)
        if dtype is None:
            raise SaveError(f'weight "{name}" has dtype {weight.dtype}, which the file format does not know.')
        if weight.is_meta:
            raise SaveError(f'weight "{name}" is on the meta device, so it has no values to save.')
        size = weight.numel() * weight.element_size()
        found[name] = Source(dtype, tuple(weight.shape), size, partial(_bytes_of, weight))
    return found


def _bytes_of(weight: Tensor) -> memoryview:
    flat = weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    data: Any = flat.numpy()
    return memoryview(data)
