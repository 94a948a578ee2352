"""The file format: safetensors with one metadata key. Knows bytes, no torch.

    8 bytes      length of the header, little endian
    header       JSON: tensor name -> dtype, shape, data_offsets; "__metadata__": {"corekit": "<canonical JSON>"}
    data         the tensors' bytes, in the order of the header, no gaps

The metadata JSON holds the format's version, the architecture, the distributions that it needs, an xxh3_128 hash for
each tensor, and the sha256 of the header itself, taken with its own digits as zeros. Hashes find damage; they prove
no author. Everything is checked before anything is made from it. A file is read here by itself: what a file of format 2
lists is read by `shards`, through which every door goes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash

from corekit.errors import LoadError, SaveError
from corekit.saving.taking import LARGE, PIECE, Memory, each, fill, mapping, memory

FORMAT = 2  # the newest that is read. 1 is a file with its tensors, 2 one that lists the files that have them
KEY = "corekit"
LARGEST_HEADER = 16 * 2**20  # bytes
DEEPEST = 64  # nested brackets
LONGEST = 2**20  # characters of a string in the metadata
LONGEST_NAME = 1024  # characters of a tensor's name
MOST_TENSORS = 2**15
DTYPE_SIZES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")  # what JSON writes two of for one character
DIGEST = re.compile(rb'(header_sha256\\":\\")([0-9a-f]{64})')


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies in the file's data: its dtype by safetensors's name, its shape, its first and last byte."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class Contents:
    """What a file says before any of its tensors is used; of one that lists shards, with theirs and their names."""

    metadata: dict[str, Any]
    tensors: dict[str, StoredTensor]
    shards: tuple[str, ...] = ()


def canonical(value: Any) -> bytes:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def read(
    path: Path, *, plain: bool = False, links: bool = True, mmap: bool = False
) -> tuple[Contents, dict[str, Memory]]:
    """Read a file and check all of it; return its contents and the bytes of its tensors.

    Each byte is read once, and what was checked is what is returned: a file that changes meanwhile is refused, not half
    taken. No more memory is taken than the file has bytes.

    Args:
        path: of the file.
        plain: whether one that another program wrote is taken, too. It has no hashes, and its metadata, which mean
            nothing here, are left out.
        links: whether the file may be reached through one.
        mmap: whether the bytes of large tensors may stay in the file, and be there for as long as it stays as it is.

    Raises:
        LoadError: code "not-found", "not-corekit", "newer-format", "too-large" or "damaged".
    """
    with _opened(path, plain=plain, links=links) as (file, contents):
        hashes, begin = contents.metadata.get("hashes"), file.tell()  # None: another program wrote it
        whole = mapping(file) if mmap else None

        def take(item: tuple[str, StoredTensor]) -> tuple[str, Memory]:
            name, tensor = item
            size, position, hashed = tensor.stop - tensor.start, begin + tensor.start, xxhash.xxh3_128()
            held: Memory
            if whole is not None and _may_stay(tensor, position):
                held = whole[position : position + size]
                hashed.update(held)
            else:
                held = memory(size)
                if not fill(held, file, position, None if hashes is None else hashed.update):
                    raise LoadError(f"{path} became shorter while it was read. Nothing was loaded.", code="damaged")
            if hashes is not None:
                _check_hash(str(path), name, hashed.hexdigest(), hashes[name])
            pieces = range(0, len(held), PIECE) if tensor.dtype == "BOOL" else ()
            if any(bytes(held[at : at + PIECE]).translate(None, b"\0\1") for at in pieces):
                raise LoadError(f"{path}: tensor {name!r} holds what is neither true nor false.", code="damaged")
            return name, held

        ordered = sorted(contents.tensors.items(), key=lambda item: item[1].start)
        data = dict(each(take, ordered, sum(one.stop - one.start for _, one in ordered)))
    return contents, data


def _may_stay(tensor: StoredTensor, position: int) -> bool:
    """Return whether a tensor's bytes can be used where they lie in a file, at a position.

    Truth values are not: torch trusts that they are 0 or 1, and in the file they could become something else.
    """
    size = tensor.stop - tensor.start
    return size >= LARGE and tensor.dtype != "BOOL" and position % DTYPE_SIZES[tensor.dtype] == 0


def verified(path: Path, *, links: bool = True) -> Contents:
    """Return what a file says of itself, after a look at every byte, a piece at a time.

    Raises:
        LoadError: as `read`.
    """
    with _opened(path, links=links) as (file, contents):
        for name, tensor in sorted(contents.tensors.items(), key=lambda item: item[1].start):
            hashed, left = xxhash.xxh3_128(), tensor.stop - tensor.start
            while left and (piece := file.read(min(left, PIECE))):
                hashed.update(piece)
                left -= len(piece)
            _check_hash(str(path), name, hashed.hexdigest(), contents.metadata["hashes"][name])
    return contents


def read_header(path: Path, *, links: bool = True) -> Contents:
    """Read what a file says of itself, checked but for the bytes of its tensors, which are not looked at.

    Raises:
        LoadError: as `read`.
    """
    with _opened(path, links=links) as (_, contents):
        return contents


@contextlib.contextmanager
def _opened(path: Path, *, plain: bool = False, links: bool = True) -> Iterator[tuple[Any, Contents]]:
    """Open a file and check its header; it is left where the tensors begin."""
    try:
        file = open(path, "rb", opener=_without_waiting if links else _without_links)  # noqa: SIM115 - closed by the `with` below
    except OSError as error:
        raise LoadError(f"{path} cannot be opened: {error.strerror or error}.", code="not-found") from error
    with file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise LoadError(f"{path} is no regular file.", code="not-corekit")
        try:
            yield file, _header_of(str(path), file, found.st_size, plain)
        except OSError as error:
            raise LoadError(f"{path} cannot be read: {error.strerror or error}.", code="not-found") from error


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody writes to would have us wait for ever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _without_links(path: str, flags: int) -> int:
    return _without_waiting(path, flags | getattr(os, "O_NOFOLLOW", 0))


def _header_of(path: str, file: Any, size: int, plain: bool) -> Contents:
    start = file.read(9)
    length = int.from_bytes(start[:8], "little")
    if size < 10 or length > LARGEST_HEADER or length + 8 > size or start[8:] != b"{":
        raise LoadError(
            f"{path} is not a safetensors file, or is cut off ({size:,} bytes).\n"
            '  A model file is what  model.save("....safetensors")  writes.',
            code="not-corekit",
        )
    header = b"{" + file.read(length - 1)
    if (count := header.count(b'"data_offsets"')) > MOST_TENSORS:
        raise LoadError(f"{path} has {count:,} tensors; at most {MOST_TENSORS:,} are read.", code="too-large")
    entries = strict_json(header, path)
    outer = entries.pop("__metadata__", None)
    if plain and not (isinstance(outer, dict) and KEY in outer):
        return Contents({}, _check_extents(path, entries, size - 8 - length))
    if not isinstance(outer, dict) or set(outer) != {KEY} or not isinstance(outer[KEY], str):
        raise LoadError(
            f"{path} is a safetensors file, but not one that corekit wrote: it holds weights without a model.\n"
            "  Make the model, then  model.load_weights(...).",
            code="not-corekit",
        )
    metadata = strict_json(outer[KEY].encode(), path, longest=LONGEST)
    version = metadata.get("format")
    if type(version) is not int or not 1 <= version <= FORMAT:
        raise LoadError(
            f"{path} has format {version!r:.50}; this corekit reads up to {FORMAT}.\n  pip install --upgrade corekit",
            code="newer-format",
        )
    _check_digest(path, header, metadata)
    hashes = metadata.get("hashes")
    if not isinstance(hashes, dict) or hashes.keys() != entries.keys():
        raise LoadError(f"{path}: the hashes do not belong to the tensors.", code="damaged")
    return Contents(metadata, _check_extents(path, entries, size - 8 - length))


def strict_json(text: bytes, path: str, what: str = "the header", *, longest: int = LARGEST_HEADER) -> dict[str, Any]:
    """Parse JSON that has one meaning: no duplicate keys, no NaN, no half characters, nothing deep or huge.

    Raises:
        LoadError: code "damaged".
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key stands twice")
        return found

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is no JSON")

    def number(digits: str) -> float:
        if not math.isfinite(value := float(digits)):
            raise ValueError("a number is too large")
        return value

    def whole(digits: str) -> int:
        if len(digits) > 19:
            raise ValueError("a number is too large")
        return int(digits)

    try:
        decoded = text.decode()
        if len(decoded) > longest and any(len(string) > longest for string in _STRING.findall(decoded)):
            raise ValueError("a string is too long")
        plain = _STRING.sub("", decoded)
        depth = deepest = 0
        for bracket in re.findall(r"[\[\]{}]", plain):
            depth += 1 if bracket in "[{" else -1
            deepest = max(deepest, depth)
        if deepest > DEEPEST:
            raise ValueError("it is nested too deeply")
        value = json.loads(
            decoded, object_pairs_hook=unique, parse_constant=refuse, parse_int=whole, parse_float=number
        )
        if not isinstance(value, dict):
            raise ValueError("it is no object")
        if _HALF_CHARACTER.search(decoded):
            json.dumps(value, ensure_ascii=False).encode()  # raises where it stands alone
    except (ValueError, RecursionError) as error:
        raise LoadError(f"{path}: {what} cannot be read: {error}.", code="damaged") from error
    return value


def _check_digest(path: str, header: bytes, metadata: dict[str, Any]) -> None:
    zeroed, count = DIGEST.subn(lambda match: match[1] + b"0" * 64, header)
    if count != 1 or hashlib.sha256(zeroed).hexdigest() != metadata.get("header_sha256"):
        raise LoadError(f"{path}: the header is damaged (its hash does not match). Nothing was loaded.", code="damaged")


def _check_extents(path: str, entries: dict[str, Any], available: int) -> dict[str, StoredTensor]:
    tensors: dict[str, StoredTensor] = {}
    for name, entry in entries.items():
        try:
            check_name(name)
            if set(entry) != {"dtype", "shape", "data_offsets"}:
                raise ValueError("unknown fields")
            start, stop = entry["data_offsets"]
            shape = tuple(entry["shape"])
            numbers = (*shape, start, stop)
            if entry["dtype"] not in DTYPE_SIZES:
                raise ValueError(f"the dtype {entry['dtype']!r}, which corekit does not know")
            if len(shape) > 16 or not all(type(n) is int and n >= 0 for n in numbers):
                raise ValueError("sizes that are no sizes")
            if math.prod(shape) * DTYPE_SIZES[entry["dtype"]] != stop - start:
                raise ValueError("a shape that does not fit its bytes")
        except (KeyError, TypeError, ValueError) as error:
            raise LoadError(f"{path}: tensor {name!r:.200} has {error}.", code="damaged") from error
        tensors[name] = StoredTensor(entry["dtype"], shape, start, stop)
    position = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].stop)):
        if tensor.start != position:
            raise LoadError(f"{path}: tensor {name!r} overlaps another or leaves a gap.", code="damaged")
        position = tensor.stop
    if position != available:
        raise LoadError(f"{path}: {position} bytes of tensors are named, {available} are there.", code="damaged")
    return tensors


def check_names(names: Iterable[str]) -> None:
    """Raise where a model has a weight of a name that a reader would refuse.

    Raises:
        SaveError: it has.
    """
    for name in names:
        try:
            check_name(name)
        except ValueError as error:
            raise SaveError(f"the weight {name!r:.200} has {error}. Give its layer another name.") from error


def check_name(name: str) -> None:
    """Raise where a tensor's name is not what a model calls a weight: words with points between them.

    Raises:
        ValueError: it has an empty part, as in "../weights", is too long, or cannot be printed.
    """
    if len(name) > LONGEST_NAME or not name.isprintable() or not all(name.split(".")):
        raise ValueError("a name that no weight has")


def _check_hash(path: str, name: str, found: str, expected: Any) -> None:
    if found != expected:
        raise LoadError(
            f"{path}: tensor {name!r} is damaged (its hash does not match). Nothing was loaded.", code="damaged"
        )
