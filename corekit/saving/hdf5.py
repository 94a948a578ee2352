"""The arrays of a Keras weights file (HDF5), for which only the plainest part of HDF5 is taken.

Hard links to groups and to datasets of numbers, each thing once; whole in this file, unfiltered, every byte stored.
Links to other places, external and virtual storage, filters and named types are refused by name: Keras writes none, and
each of them has been used to make a reader do what it should not.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from corekit.errors import LoadError

MOST_OBJECTS, DEEPEST = 1_000_000, 100
OPTIMIZER = "optimizer"
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_KINDS = "fiub"


@dataclass(frozen=True)
class Array:
    """An array of an open weights file: its dtype by torch's name, its shape, and where it is read from."""

    dtype: str
    shape: tuple[int, ...]
    _dataset: Any

    def tensor(self) -> Tensor:
        """Return the numbers."""
        value: np.ndarray[Any, Any] = np.empty(self.shape, self._dataset.dtype)
        if value.size:
            self._dataset.read_direct(value)
        if self.dtype == "bfloat16":  # numpy has no name for it
            return torch.from_numpy(value.view(np.int16)).view(torch.bfloat16)
        return torch.from_numpy(value.astype(value.dtype.newbyteorder("="), copy=False))


@contextlib.contextmanager
def opened(source: Path | bytes, where: str) -> Iterator[dict[str, Array]]:
    """Open a weights file, check all of it but the optimizer's state, and give its arrays by path.

    Args:
        source: the file, or its bytes.
        where: what errors call it.

    Raises:
        LoadError: code "not-found", "not-keras", "not-plain" or "damaged"; "missing-part" without h5py.
    """
    h5py = _h5py()
    with contextlib.ExitStack() as stack:
        try:
            file: Any = io.BytesIO(source) if isinstance(source, bytes) else stack.enter_context(open(source, "rb"))
        except OSError as error:
            raise LoadError(f"{where} cannot be opened: {error.strerror or error}.", code="not-found") from error
        if file.read(len(_SIGNATURE)) != _SIGNATURE:
            raise LoadError(f"{where} is no HDF5 file, so it holds no Keras weights.", code="not-keras")
        try:
            root = stack.enter_context(h5py.File(file, "r"))
            arrays = dict(_arrays(h5py, root))
        except LoadError as error:
            raise LoadError(f"{where}: {error} Nothing was loaded.", code=error.code) from None
        except Exception as error:  # whatever a damaged file leads HDF5 to
            raise LoadError(f"{where} is a damaged HDF5 file: {error}. Nothing was loaded.", code="damaged") from error
        yield arrays


def _h5py() -> Any:
    try:
        return importlib.import_module("h5py")  # an extra, of which only readers of Keras's files have need
    except ImportError as error:
        raise LoadError(
            'reading a Keras file needs h5py, which is not installed.\n  pip install "corekit[keras]"',
            code="missing-part",
        ) from error


def _arrays(h5py: Any, root: Any) -> Iterator[tuple[str, Array]]:
    """Yield (path, array) of every dataset, in no certain order."""
    seen: set[Any] = {_identity(h5py, root)}
    waiting: list[tuple[str, Any]] = [(name, root) for name in root if name != OPTIMIZER]
    while waiting:
        path, group = waiting.pop()
        name = path.rpartition("/")[2]
        link = type(group.get(name, getlink=True))
        if link is not h5py.HardLink:
            raise LoadError(
                f"{path!r} is a {link.__name__}, which leads elsewhere; Keras writes none.", code="not-plain"
            )
        member = group[name]
        if (identity := _identity(h5py, member)) in seen:
            raise LoadError(f"{path!r} stands in the file a second time, under another name.", code="not-plain")
        seen.add(identity)
        if len(seen) > MOST_OBJECTS or path.count("/") > DEEPEST:
            raise LoadError(f"{path!r} is one part too many, or lies too deep.", code="not-plain")
        if isinstance(member, h5py.Group):
            waiting += [(f"{path}/{inner}", member) for inner in member]
        elif isinstance(member, h5py.Dataset):
            yield path, _checked(h5py, path, member)
        else:
            raise LoadError(f"{path!r} is neither a group nor an array.", code="not-plain")


def _identity(h5py: Any, member: Any) -> Any:
    return h5py.h5o.get_info(member.id).addr


def _checked(h5py: Any, path: str, dataset: Any) -> Array:
    properties = dataset.id.get_create_plist()
    layout = properties.get_layout()
    if properties.get_external_count() or layout not in (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED):
        raise LoadError(f"the numbers of {path!r} lie in another file (external or virtual storage).", code="not-plain")
    if properties.get_nfilters():
        name = properties.get_filter(0)[3].decode(errors="replace")
        raise LoadError(f"{path!r} goes through a filter ({name!r}); Keras writes none.", code="not-plain")
    dtype = _dtype(dataset)
    if dtype is None or dataset.shape is None:
        raise LoadError(f"{path!r} holds no numbers ({dataset.dtype}).", code="not-plain")
    size = math.prod(dataset.shape) * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    if stored < size or (stored > size and layout != h5py.h5d.CHUNKED):
        raise LoadError(
            f"{path!r} has the shape {dataset.shape}, {size:,} bytes, of which {stored:,} are stored.", code="damaged"
        )
    return Array(dtype, dataset.shape, dataset)


def _dtype(dataset: Any) -> str | None:
    """Return the dtype by torch's name: a number's, or bfloat16 as Keras marks it."""
    if dataset.dtype.kind in _KINDS and dataset.dtype.itemsize <= 8:
        return str(dataset.dtype.newbyteorder("=").name)
    mark = dataset.attrs.get("dtype") if dataset.dtype.kind == "V" and dataset.dtype == np.dtype("V2") else None
    return "bfloat16" if mark == "bfloat16" else None
