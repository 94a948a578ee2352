"""Writes the file format: a header, and the bytes of tensors, each of which is made, hashed and written once.

`format` says what is in a file and reads it. Knows bytes, no torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import xxhash

import corekit.saving.format as files
from corekit.errors import SaveError
from corekit.saving.atomic import replacing
from corekit.saving.taking import each


@dataclass(frozen=True)
class Source:
    """A tensor to write: its dtype by safetensors's name, its shape, its bytes' number, and what makes these bytes."""

    dtype: str
    shape: tuple[int, ...]
    size: int
    content: Callable[[], memoryview]


Tensors = Mapping[str, Source]


def write(path: Path, tensors: Tensors, metadata: dict[str, Any]) -> None:
    """Write a file in one go: a reader finds the old one or the new one, whole, whatever happens in between.

    Args:
        path: of the file.
        tensors: what it holds.
        metadata: JSON-ready; version and hashes are added here.

    Raises:
        SaveError: a reader would refuse it, or the disk refused; what was there before is untouched.
    """
    with replacing(path) as file:
        put(file, path, tensors, metadata)


def put(file: Any, path: Path, tensors: Tensors, metadata: dict[str, Any], *, version: int = 1) -> str:
    """Write a file's header and its tensors; return the sha256 of the header.

    Each tensor's bytes are made once, and hashed while they are written; the header, which holds the hashes, comes last
    into the place that it needs.

    Raises:
        SaveError: a reader would refuse it.
    """
    file.seek(size_of_header(path, tensors, metadata, version=version))
    hashes = {name: _written(file, tensor.content()) for name, tensor in tensors.items()}
    start, digest = _start_of(tensors, _inner(metadata, hashes, version))
    file.seek(0)
    file.write(start)
    return digest


def _written(file: Any, content: memoryview) -> str:
    """Write a tensor's bytes, and return their hash."""
    steps = [partial(file.write, content), partial(xxhash.xxh3_128_hexdigest, content)]
    _, digest = each(lambda step: step(), steps, content.nbytes)
    return str(digest)


def size_of_header(path: Path, tensors: Tensors, metadata: dict[str, Any], *, version: int = 1) -> int:
    """Return where a file's first tensor will begin.

    Raises:
        SaveError: a reader would refuse the file.
    """
    files.check_names(tensors)
    try:
        inner = _inner(metadata, dict.fromkeys(tensors, "0" * 32), version)  # hashes have 32 digits
        files.strict_json(inner, str(path), longest=files.LONGEST)
        size = len(_start_of(tensors, inner)[0])
        if size - 8 > files.LARGEST_HEADER or len(tensors) > files.MOST_TENSORS:
            raise ValueError(
                f"its header has {size - 8:,} bytes and {len(tensors):,} tensors, "
                f"of at most {files.LARGEST_HEADER:,} and {files.MOST_TENSORS:,}"
            )
    except ValueError as error:  # LoadError and UnicodeError are such, too
        raise SaveError(f"the model's description could not be read back, so nothing was written. {error}") from error
    return size


def _inner(metadata: dict[str, Any], hashes: dict[str, str], version: int) -> bytes:
    return files.canonical({**metadata, "format": version, "hashes": hashes, "header_sha256": "0" * 64})


def _start_of(tensors: Tensors, inner: bytes) -> tuple[bytes, str]:
    """Return the beginning of a file, up to its tensors, and the sha256 of its header."""
    entries: dict[str, Any] = {}
    position = 0
    for name, tensor in tensors.items():
        offsets = [position, position := position + tensor.size]
        entries[name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": offsets}
    header = files.canonical({"__metadata__": {files.KEY: inner.decode()}, **entries})
    header += b" " * (-len(header) % 8)
    digest = hashlib.sha256(header).hexdigest()
    header = files.DIGEST.sub(lambda match: match[1] + digest.encode(), header)
    return len(header).to_bytes(8, "little") + header, digest
