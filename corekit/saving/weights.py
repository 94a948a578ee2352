"""Weights without a model: `save_weights`, and `load_weights` of corekit's files, Keras's, and torch's state dicts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import corekit
from corekit.errors import ArgumentError, LoadError, StateError
from corekit.model.model import Model
from corekit.saving import archive, compiled, dividing, hdf5, keras_model, keras_weights, matching, shards, torch_names
from corekit.saving.matching import Match, Stored
from corekit.saving.torch_names import InFile
from corekit.saving.write import new_file, sources

Rename = Mapping[str, str] | Callable[[str], str]


def save_weights(
    model: Model, filepath: str | os.PathLike[str], *, overwrite: bool = True, max_shard_size: float | None = None
) -> None:
    """Write a model's weights, without its architecture, into one file, or into several where they are large.

    Args:
        model: built.
        filepath: ends in ".safetensors".
        overwrite: whether an existing file may be replaced.
        max_shard_size: GB that a file may have; see `Model.save`.

    Raises:
        ArgumentError: `max_shard_size` is no size.
        SaveError: the model is not built, or the disk refuses. A file that was there before is untouched.
    """
    path = new_file(model, filepath, overwrite=overwrite, verb="save_weights")
    metadata = {"corekit": corekit.__version__}
    dividing.write(path, sources(model.named_weights()), metadata, max_shard_size=max_shard_size)


def load_weights(
    model: Model, filepath: str | os.PathLike[str], *, strict: bool = True, rename: Rename | None = None
) -> Match:
    """Read weights into a model; see `Model.load_weights`.

    Names decide, except in Keras's files, which have none: there a layer is found as Keras finds it, by its class and
    its place among those of the same class.
    """
    path = Path(filepath)
    if not model.built:
        raise StateError(
            f'"{model.name}" is not built, so it has no weights to load into. Call it once, or give its first layer an '
            "input_shape."
        )
    with _opened(model, path, rename) as (found, places):
        weights = model.named_weights()
        match = matching.compare(weights, found, places)
        if strict or not match.matched:
            hint = "" if strict else " Nothing in it fits."
            matching.require_whole(match, str(path), hint)
        matching.copy_in(weights, found, places, match)
    return match


@contextlib.contextmanager
def _opened(model: Model, path: Path, rename: Rename | None) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Give the arrays of a file, and name of a weight -> array."""
    if path.suffix == ".safetensors":
        contents, data = shards.read(path, plain=True)
        weights, _ = compiled.split(contents)
        arrays: dict[str, Stored] = {name: InFile(one, data[name]) for name, one in weights.items()}
        yield torch_names.places(model, torch_names.renamed(arrays, rename))
        return
    if path.suffix not in (".h5", ".hdf5", ".keras"):
        raise LoadError(
            f'load_weights("{path}"): expected a file called *.safetensors, *.weights.h5 or *.keras.\n'
            '  Of a torch module:  safetensors.torch.save_file(module.state_dict(), "weights.safetensors").',
            code="not-corekit",
        )
    if rename is not None:
        raise ArgumentError(
            f'load_weights("{path}", rename=...): in a Keras file layers are found by their class and order, not by '
            "name, so there is nothing to rename.\n  Leave rename out."
        )
    source: Path | bytes = path
    if path.suffix == ".keras":
        with archive.opened(path) as opened:
            source = opened.weights(keras_model.largest(model))
    with hdf5.opened(source, str(path)) as found:
        kept = {name: one for name, one in found.items() if not keras_weights.is_ignored(name)}
        yield kept, keras_weights.places(model)
