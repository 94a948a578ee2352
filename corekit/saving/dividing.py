"""Divides a model among several files, where one would be too large, and removes those that it replaces.

The order makes it safe: each shard is written in one go, under a name that holds a piece of its digest; then, in one
go, the file that lists them; only then what an older save left is removed.
"""

from __future__ import annotations

import contextlib
import math
import numbers
import os
from pathlib import Path
from typing import Any

import corekit.saving.format as files
import corekit.saving.storing as one_file
from corekit.errors import ArgumentError, LoadError, SaveError
from corekit.saving.atomic import is_written, replacing
from corekit.saving.shards import MOST_SHARDS, NAME, Shard, listed
from corekit.saving.storing import Source, Tensors

GB = 2**30  # bytes, as Keras counts them
_NO_GB = 10**6  # as many are meant as bytes, which other libraries take


def write(path: Path, tensors: Tensors, metadata: dict[str, Any], *, max_shard_size: float | None = None) -> None:
    """Write a file, or several where the tensors are more than one may hold; then remove the shards of what was there.

    Each file is written in one go, the one that lists the shards last, so a reader finds the old model or the new one.

    Args:
        path: of the file that is loaded.
        tensors: what the model holds.
        metadata: JSON-ready; version and hashes are added.
        max_shard_size: GB (2**30 bytes) that a file with tensors may have; None: all are written into one.

    Raises:
        ArgumentError: `max_shard_size` is no size.
        SaveError: a tensor alone is larger, or the disk refused; what was there before is untouched.
    """
    largest = _largest(max_shard_size)
    target = Path(os.path.realpath(path))
    parts = _planned(path, tensors, metadata, largest)
    if parts:
        _write_shards(path, target, parts, tensors, metadata)
    else:
        one_file.write(path, tensors, metadata)
    _sweep(target)


def _largest(max_shard_size: Any) -> float:
    """Return how many bytes a file may have."""
    if max_shard_size is None:
        return math.inf
    is_number = isinstance(max_shard_size, numbers.Real) and not isinstance(max_shard_size, bool)
    if not is_number or not 0 < max_shard_size < _NO_GB:
        meant = f"{max_shard_size / GB:.3g}" if is_number and _NO_GB <= max_shard_size < 1e18 else "5"
        raise ArgumentError(
            f"max_shard_size={max_shard_size!r:.50}: expected a number of GB, not of bytes, above 0, or None for one "
            f"file. Nothing was written.\n  Write  max_shard_size={meant}."
        )
    return float(max_shard_size) * GB


def _planned(path: Path, tensors: Tensors, metadata: dict[str, Any], largest: float) -> list[list[str]]:
    """Return which tensors go into which shard, in their order; nothing where one file holds them all."""
    if math.isinf(largest):
        return []
    sizes = {name: _size(name, tensor) for name, tensor in tensors.items()}
    empty = one_file.size_of_header(path, {}, metadata)
    if not sizes or empty + sum(sizes.values()) <= largest:
        return []
    empty = one_file.size_of_header(path, {}, _of_shard(metadata, MOST_SHARDS, MOST_SHARDS))
    parts: list[list[str]] = []
    left = 0.0
    for name, size in sizes.items():
        if empty + size > largest:
            raise SaveError(
                f'weight "{name}" makes a file of {empty + size:,} bytes, and max_shard_size={largest / GB:g} allows '
                f"{largest:,.0f}. A weight is not divided. Nothing was written.\n"
                f"  Write  max_shard_size={math.ceil((empty + size) / GB * 1000) / 1000:g}  or more."
            )
        if size > left:
            parts.append([])
            left = largest - empty
        parts[-1].append(name)
        left -= size
    if len(parts) > MOST_SHARDS or len(sizes) > files.MOST_TENSORS:
        raise SaveError(
            f"max_shard_size={largest / GB:g} makes {len(parts):,} files of {len(sizes):,} tensors; at most "
            f"{MOST_SHARDS:,} and {files.MOST_TENSORS:,} are read. Nothing was written."
        )
    return parts


def _size(name: str, tensor: Source) -> int:
    """Return at most how many bytes a tensor adds to a file, with what the header says of it."""
    said = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [10**15, 10**15]}
    hashed = files.canonical(files.canonical({name: "0" * 32}).decode())
    return tensor.size + len(files.canonical({name: said})) + len(hashed)


def _of_shard(metadata: dict[str, Any], number: int, count: int) -> dict[str, Any]:
    return {"corekit": metadata["corekit"], "shard": [number, count]}


def _write_shards(path: Path, target: Path, parts: list[list[str]], tensors: Tensors, metadata: dict[str, Any]) -> None:
    fresh: list[Path] = []
    made: list[Shard] = []
    files.check_names(tensors)
    listing = {**metadata, "shards": ["0" * 64] * len(parts)}
    one_file.size_of_header(path, {}, listing, version=2)  # raises before anything is written
    try:
        with replacing(path) as file:  # while its temporary file is there, nobody else removes shards
            for number, names in enumerate(parts, 1):
                part = {name: tensors[name] for name in names}
                said = _of_shard(metadata, number, len(parts))
                with replacing(path, part=lambda: made[-1].beside(target)) as shard:
                    made.append(Shard(number, len(parts), one_file.put(shard, path, part, said)))
                    if not os.path.lexists(made[-1].beside(target)):
                        fresh.append(made[-1].beside(target))
            listing["shards"] = [shard.digest for shard in made]
            one_file.put(file, path, {}, listing, version=2)
    except BaseException:
        _remove(fresh, target)
        raise


def _remove(shards: list[Path], target: Path) -> None:
    """Remove what a save has written that did not come to its end, but for what the file in place lists after all."""
    kept = _names(target) or set()
    if not is_written(target):
        for where in shards:
            if where.name not in kept:
                with contextlib.suppress(OSError):
                    where.unlink()


def _sweep(target: Path) -> None:
    """Remove the shards called after a file which it does not list: those of an older one, and of saves cut off.

    Where another file of the folder lists them, it was renamed, and they are its: these are left.
    """
    with contextlib.suppress(OSError):
        folder = os.listdir(target.parent)
        old = [name for name in folder if (match := NAME.fullmatch(name)) and match["stem"] == target.stem]
        if not old or is_written(target) or (kept := _names(target)) is None:
            return
        if old := [name for name in old if name not in kept]:
            others = [name for name in folder if ".safetensors" in name and name != target.name]
            claimed = {shard.place for name in others for shard in _shards_of(target.with_name(name)) or []}
            for name in old:
                if name.removeprefix(target.stem) not in claimed:
                    with contextlib.suppress(OSError):
                        target.with_name(name).unlink()


def _names(target: Path) -> set[str] | None:
    """Return what the shards of the file in place are called; None where that is not known."""
    shards = _shards_of(target)
    return None if shards is None else {shard.beside(target).name for shard in shards}


def _shards_of(path: Path) -> list[Shard] | None:
    try:
        return listed(path, files.read_header(path))
    except LoadError:
        return None
