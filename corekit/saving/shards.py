"""A model in several files: the one that users name, with all but the tensors, and the shards that it lists.

It lists them by the sha256 of their headers and by nothing else. What a shard is called follows from the name of the
file itself, the shard's number and that digest, so that a stranger's file cannot name another one; and a save over an
old one writes beside the old shards, never over them, until the new file is in its place. This reads them; `dividing`
writes them. Knows bytes, no torch.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import corekit.saving.format as files
from corekit.errors import LoadError
from corekit.saving.format import Contents, StoredTensor
from corekit.saving.taking import Memory

Found = TypeVar("Found")
MOST_SHARDS = 1024
NAME = re.compile(r"(?P<stem>.+)(?P<place>-[0-9]{5}-of-[0-9]{5}-[0-9a-f]{16}\.safetensors)", re.DOTALL)
"""What shards are called: the stem of the file that lists them, and a place."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_LINES = 40  # of a message
_LOOKS = 10  # at a file that is saved again and again while it is read


@dataclass(frozen=True)
class Shard:
    """A file with some of a model's tensors: which one of how many, and the sha256 of its header."""

    number: int
    count: int
    digest: str

    @property
    def place(self) -> str:
        """Return the end of its name: all but the stem of the file that lists it."""
        return f"-{self.number:05}-of-{self.count:05}-{self.digest[:16]}.safetensors"

    def beside(self, path: Path) -> Path:
        """Return where it lies, of the file that lists it, which is no link."""
        return path.with_name(path.stem + self.place)


def read(path: Path, *, plain: bool = False, mmap: bool = False) -> tuple[Contents, dict[str, Memory]]:
    """Read a file and the shards that it lists, and check all of them; see `format.read`.

    The headers of all shards are checked before the first tensor is read. Where somebody saves over the model
    meanwhile, it is the old one or the new one.

    Raises:
        LoadError: as `format.read`; "not-found" also where a shard is not there, "damaged" where it is another one.
    """

    def look() -> tuple[Contents, dict[str, Memory]]:
        contents, data = files.read(path, plain=plain, mmap=mmap)
        whole, found = _whole(path, contents)
        for shard, where in found:
            held, content = files.read(where, links=False, mmap=mmap)
            _check_is(shard, where, held, path)
            data.update(content)
        return whole, data

    return _while_it_stays(path, look)


def verified(path: Path) -> Contents:
    """Return what a file and its shards say, after a look at every byte, a piece at a time.

    Raises:
        LoadError: as `read`.
    """

    def look() -> Contents:
        whole, found = _whole(path, files.verified(path))
        for shard, where in found:
            _check_is(shard, where, files.verified(where, links=False), path)
        return whole

    return _while_it_stays(path, look)


def read_header(path: Path) -> Contents:
    """Read what a file and its shards say, checked but for the bytes of the tensors.

    Raises:
        LoadError: as `read`.
    """
    return _while_it_stays(path, lambda: _whole(path, files.read_header(path))[0])


def _while_it_stays(path: Path, look: Callable[[], Found]) -> Found:
    """Return what a look finds; where a shard was gone, and the file another by then, what one more look finds."""
    for _ in range(_LOOKS):
        before = _identity(path)
        try:
            return look()
        except LoadError as error:
            if error.code != "not-found" or _identity(path) == before:
                raise
    return look()


def _identity(path: Path) -> tuple[int, ...]:
    with contextlib.suppress(OSError):
        found = os.stat(path)
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
    return ()


def listed(path: Path, contents: Contents) -> list[Shard]:
    """Return the shards that a file lists.

    Raises:
        LoadError: what it lists are none; code "damaged".
    """
    digests, version = contents.metadata.get("shards"), contents.metadata.get("format")
    if digests is None and version != 2:
        return []
    if (
        version != 2
        or contents.tensors
        or not isinstance(digests, list)
        or not 1 <= len(digests) <= MOST_SHARDS
        or not all(isinstance(one, str) and _DIGEST.fullmatch(one) for one in digests)
    ):
        raise LoadError(f"{path}: what it lists as its shards are none. Nothing was loaded.", code="damaged")
    return [Shard(number, len(digests), digest) for number, digest in enumerate(digests, 1)]


def refuse_part(path: Path, contents: Contents) -> None:
    """Raise where a file that has no model in it is a shard of one.

    Raises:
        LoadError: code "weights-only".
    """
    if "shard" in contents.metadata:
        name = NAME.fullmatch(path.name)
        write = f':  "{path.with_name(name["stem"])}.safetensors"' if name else "."
        raise LoadError(
            f"{path} holds a part of a model's weights.\n  Load the file that lists it{write}", code="weights-only"
        )


def _whole(path: Path, contents: Contents) -> tuple[Contents, list[tuple[Shard, Path]]]:
    """Return what a file says together with its shards, and where these are, after a look at their headers."""
    shards = listed(path, contents)
    if not shards:
        return contents, []
    real = Path(os.path.realpath(path))
    found = [(shard, shard.beside(real)) for shard in shards]
    if absent := [(shard, where) for shard, where in found if not os.path.lexists(where)]:
        raise _not_there(path, real, absent)
    tensors: dict[str, StoredTensor] = {}
    for shard, where in found:
        if where.is_symlink():
            raise LoadError(
                f"{where} is a link, and a shard is read only where it lies itself. Nothing was loaded.\n"
                "  Put the file that it leads to into its place.",
                code="not-corekit",
            )
        held = files.read_header(where, links=False)
        _check_is(shard, where, held, path)
        if twice := sorted(tensors.keys() & held.tensors.keys()):
            raise LoadError(f"{path}: two shards hold tensor {twice[0]!r}. Nothing was loaded.", code="damaged")
        tensors.update(held.tensors)
        if len(tensors) > files.MOST_TENSORS:
            raise LoadError(
                f"{path} has more than {files.MOST_TENSORS:,} tensors in its shards; as many are read at most.",
                code="too-large",
            )
    return Contents(contents.metadata, tensors, tuple(where.name for _, where in found)), found


def _check_is(shard: Shard, where: Path, held: Contents, path: Path) -> None:
    said = [held.metadata.get(key) for key in ("header_sha256", "format", "shard")]
    if said != [shard.digest, 1, [shard.number, shard.count]]:
        raise LoadError(
            f"{where} is not the shard that {path} lists, though it is called so. Nothing was loaded.", code="damaged"
        )


def _not_there(path: Path, real: Path, absent: list[tuple[Shard, Path]]) -> LoadError:
    """Return the error for shards that are not beside the file; where they have another stem, with the fix."""
    count = absent[0][0].count
    here = {}
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(real.parent)):
            if name.isprintable() and (match := NAME.fullmatch(name)):
                here[match["place"]] = name
    lines = [
        f"  mv {shlex.quote(here[shard.place])} {shlex.quote(where.name)}"
        for shard, where in absent
        if shard.place in here
    ]
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"  ... and {len(lines) - _MOST_LINES} more"]
    if lines:
        told = "A shard is called after the file that lists it. Rename it, too:\n" + "\n".join(lines)
    else:
        told = f"The file has no weights itself: copy its shards beside it, into {real.parent}."
    shown = ", ".join(where.name for _, where in absent[:3]) + (" ..." if len(absent) > 3 else "")
    return LoadError(
        f"{path} lists {count} shards, of which {len(absent)} cannot be found: {shown}. Nothing was loaded.\n  {told}",
        code="not-found",
    )
