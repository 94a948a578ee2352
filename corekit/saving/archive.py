"""A `.keras` file: a zip with three members, which are read by name and never extracted.

Only what Keras writes is taken: regular members, stored or deflated, each once, nothing before, between or after
them. How large the weights may be says the caller, who knows the configuration; no member is unpacked beyond what it
declares.
"""

from __future__ import annotations

import contextlib
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from corekit.errors import LoadError
from corekit.saving.format import LARGEST_HEADER, strict_json

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_MOST_SHRUNK, _SMALL = 8, 32 * 2**20  # how much of a member compression may spare, beyond what is small anyway
_END = 22  # bytes of the zip's end record, without a comment
_ENCRYPTED, _SIZES_AFTER_DATA = 0x1, 0x8  # bits of a member's flags
_LARGEST_DESCRIPTOR = 24  # bytes of such sizes


class Archive:
    """The members of an open `.keras` file, after the zip itself was checked.

    Args:
        path: for errors.
        opened: the zip.
    """

    def __init__(self, path: Path, opened: zipfile.ZipFile) -> None:
        self._path, self._zip = path, opened
        self._members = {member.filename: member for member in opened.infolist()}

    def json(self, name: str) -> dict[str, Any]:
        """Return a member of JSON.

        Raises:
            LoadError: it is no strict JSON, or larger than any architecture.
        """
        return strict_json(self._read(name, LARGEST_HEADER), f"{self._path}: {name}", what="it")

    def weights(self, largest: int) -> bytes:
        """Return the HDF5 file with the weights.

        Args:
            largest: bytes that the configuration allows; the file holds the optimizer's state too.

        Raises:
            LoadError: it is larger, or damaged.
        """
        return self._read(WEIGHTS, largest)

    def _read(self, name: str, largest: int) -> bytes:
        member = self._members[name]
        if member.file_size > largest:
            raise LoadError(
                f"{self._path}: {name} declares {member.file_size:,} bytes; the model that the file describes needs at "
                f"most {largest:,}. Nothing was unpacked.",
                code="too-large",
            )
        if member.file_size > _MOST_SHRUNK * member.compress_size + _SMALL:
            raise LoadError(
                f"{self._path}: {name} declares {member.file_size:,} bytes, of which {member.compress_size:,} are "
                "stored: numbers do not shrink so much. Nothing was unpacked.\n  A true model of the kind is read once "
                "Keras saves it anew, without compression.",
                code="too-large",
            )
        try:
            with self._zip.open(member) as file:
                content = file.read(member.file_size)
                if len(content) != member.file_size or file.read(1):  # at its end the checksum is compared
                    raise zipfile.BadZipFile("its size is not the declared one")
        except Exception as error:  # whatever a damaged stream leads zlib and zipfile to
            raise LoadError(f"{self._path}: {name} is damaged: {error}. Nothing was loaded.", code="damaged") from error
        return content


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open a `.keras` file and check how the zip is made.

    Raises:
        LoadError: code "not-found", "not-keras", "damaged", or "not-plain" (encrypted, compressed in another way, or
            with members that Keras does not write).
    """
    if path.is_dir():
        raise LoadError(
            f'{path} is a folder.\n  corekit reads the one-file format:  in Keras,  model.save("{path.stem}.keras").',
            code="not-keras",
        )
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed by the stack below
    except OSError as error:
        raise LoadError(f"{path} cannot be opened: {error.strerror or error}.", code="not-found") from error
    with contextlib.ExitStack() as stack:
        stack.enter_context(file)
        if file.read(4) != b"PK\x03\x04":
            raise LoadError(
                f"{path} is no zip, so it is no .keras file.\n"
                "  A file of the older format is brought over in Keras:  "
                'keras.models.load_model(...).save("model.keras").',
                code="not-keras",
            )
        try:
            archive = stack.enter_context(zipfile.ZipFile(file))
            _check(file, archive)
        except LoadError as error:
            raise LoadError(f"{path}: {error}", code=error.code) from None
        except Exception as error:  # zipfile raises many things on a damaged directory
            raise LoadError(f"{path} is a damaged zip: {error}. Nothing was loaded.", code="damaged") from error
        yield Archive(path, archive)


def _check(file: BinaryIO, archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    names = [member.filename for member in members]
    surplus = sorted(set(names) - {CONFIG, METADATA, WEIGHTS})
    if missing := sorted({CONFIG, METADATA, WEIGHTS} - set(names)):
        raise LoadError(f"the zip has no {', '.join(missing)}, so no Keras 3 model.", code="not-keras")
    if surplus:
        raise LoadError(
            f"the zip has members beside the three of a Keras model: {', '.join(map(repr, surplus[:5]))}. corekit "
            "reads no assets (vocabularies and the like). Nothing was loaded.",
            code="not-plain",
        )
    if len(names) > len(set(names)):
        raise LoadError("a member of the zip stands twice. Nothing was loaded.", code="not-plain")
    for member in members:
        mode = stat.S_IFMT(member.external_attr >> 16)
        if member.flag_bits & _ENCRYPTED or mode not in (0, stat.S_IFREG):
            raise LoadError(f"{member.filename} is encrypted or no regular file.", code="not-plain")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise LoadError(
                f"{member.filename} is compressed in a way that Keras does not write (method {member.compress_type}).",
                code="not-plain",
            )
        if member.compress_type == zipfile.ZIP_STORED and member.file_size != member.compress_size:
            raise LoadError(f"the sizes of {member.filename} disagree. Nothing was loaded.", code="damaged")
    _check_extents(file, archive, members)


def _check_extents(file: BinaryIO, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
    """Check that the members lie one after the other, from the first byte to the directory, and nothing after it."""
    allowed = position = 0
    for member in sorted(members, key=lambda one: one.header_offset):
        if not position <= member.header_offset <= allowed:
            raise LoadError("the members of the zip overlap, or something lies between them.", code="damaged")
        file.seek(member.header_offset)
        header = file.read(30)
        name, extra = int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:30], "little")
        if file.read(name) != member.filename.encode():
            raise LoadError("the zip names a member in two ways.", code="damaged")
        position = member.header_offset + 30 + name + extra + member.compress_size
        allowed = position + (_LARGEST_DESCRIPTOR if member.flag_bits & _SIZES_AFTER_DATA else 0)
    file.seek(-_END, os.SEEK_END)
    if file.read(4) != b"PK\x05\x06" or archive.comment or not position <= archive.start_dir <= allowed:
        raise LoadError("something lies before the zip's directory or after its end.", code="damaged")
