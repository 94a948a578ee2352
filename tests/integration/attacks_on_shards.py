"""Models in several files that a stranger might send: each is good but for one thing, and has a folder of its own."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from corekit.saving.format import MOST_TENSORS, read_header
from corekit.saving.shards import MOST_SHARDS, Shard
from tests.integration.attacks import ANY_DAMAGE, DIFFER, changed, flipped, good_model, sealed, split

LARGEST = 500 / 2**30  # GB: the good model makes four shards, of a tensor each


@dataclass(frozen=True)
class FolderAttack:
    """Hostile files.

    Args:
        name: the row of threats, and what is done.
        code: of the LoadError that refuses them.
        make: changes the files of a good model, given the path of the one that is loaded.
    """

    name: str
    code: str
    make: Callable[[Path], Any]


def write_good(path: Path) -> None:
    """Save what is attacked."""
    good_model().save(path, max_shard_size=LARGEST)


def listing(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], Any]:
    """Return an attack on the metadata of the file that lists the shards."""
    return lambda path: path.write_bytes(changed(lambda entries, inner: change(inner))(path.read_bytes()))


def with_list(value: Any) -> Callable[[Path], Any]:
    return listing(lambda inner: inner.update(shards=value))


def with_first(value: Any) -> Callable[[Path], Any]:
    return listing(lambda inner: inner["shards"].__setitem__(0, value))


def shard(path: Path, number: int) -> Path:
    """Return where a listed shard lies."""
    digests = read_header(path).metadata["shards"]
    return Shard(number, len(digests), digests[number - 1]).beside(path)


def relisted(path: Path, number: int, content: bytes) -> None:
    """Put another file in the place of a shard, and list it truly."""
    shard(path, number).unlink()
    digest = json.loads(split(content)[0]["__metadata__"]["corekit"])["header_sha256"]
    listing(lambda inner: inner["shards"].__setitem__(number - 1, digest))(path)
    shard(path, number).write_bytes(content)


def changed_shard(change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> Callable[[Path], Any]:
    """Return an attack that changes the first shard's header or metadata, and makes all digests true again."""
    return lambda path: relisted(path, 1, changed(change)(shard(path, 1).read_bytes()))


def damaged_shard(change: Callable[[bytes], bytes]) -> Callable[[Path], Any]:
    return lambda path: shard(path, 1).write_bytes(change(shard(path, 1).read_bytes()))


def replaced(make: Callable[[Path, Path], Any]) -> Callable[[Path], Any]:
    """Return an attack that puts something else into the first shard's place, given that and where the shard is."""

    def attack(path: Path) -> None:
        outside = path.parent.with_name(path.parent.name + "-outside")
        outside.mkdir()
        where = shard(path, 1)
        make(where, where.rename(outside / "secret.safetensors"))

    return attack


def swapped(path: Path) -> None:
    first, second = shard(path, 1).read_bytes(), shard(path, 2).read_bytes()
    shard(path, 1).write_bytes(second)
    shard(path, 2).write_bytes(first)


def swapped_in_the_list(path: Path) -> None:
    first, second = shard(path, 1).read_bytes(), shard(path, 2).read_bytes()
    listing(lambda inner: inner.update(shards=[inner["shards"][n] for n in (1, 0, 2, 3)]))(path)
    shard(path, 1).write_bytes(second)
    shard(path, 2).write_bytes(first)


def of_another_model(path: Path) -> None:
    """Put a shard of a model of the same architecture, and other numbers, in the place of a shard."""
    model, other = good_model(), path.with_name("other.safetensors")
    with torch.no_grad():
        model.weights[0].add_(1.0)
    model.save(other, max_shard_size=LARGEST)
    shard(path, 1).write_bytes(shard(other, 1).read_bytes())


def twice_under_two_numbers(path: Path) -> None:
    where = shard(path, 1)
    listing(lambda inner: inner.update(shards=[inner["shards"][0]] * 2))(path)
    for number in (1, 2):
        shard(path, number).write_bytes(where.read_bytes())


def one_tensor_twice(path: Path) -> None:
    entries, data = split(shard(path, 1).read_bytes())
    inner = json.loads(entries.pop("__metadata__")["corekit"])
    relisted(path, 2, sealed(entries, {**inner, "shard": [2, 4]}, data))


def listing_in_the_shards_place(path: Path) -> None:
    shard(path, 1).write_bytes(path.read_bytes())


def many_tensors(path: Path) -> None:
    """Make two shards with more tensors together than a file may have."""
    count = MOST_TENSORS // 2 + 1
    for number in (1, 2):
        entries = {f"n{number}.t{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(count)}
        hashes = dict.fromkeys(entries, "99aa06d3014798d86001c324468d497f")  # xxh3_128 of nothing
        relisted(path, number, sealed(entries, {"format": 1, "shard": [number, 4], "hashes": hashes}, b""))


FOLDER_ATTACKS = [
    # A03, A05: what the file says of how it is read
    FolderAttack("A03 a newer format with shards", "newer-format", listing(lambda i: i.update(format=3))),
    FolderAttack("A05 shards without a model", "weights-only", listing(lambda i: i.pop("architecture"))),
    FolderAttack("A06 shards in format 1", ANY_DAMAGE, listing(lambda i: i.update(format=1))),
    FolderAttack("A06 format 2 without shards", ANY_DAMAGE, listing(lambda i: i.pop("shards"))),
    FolderAttack("A06 tensors beside shards", ANY_DAMAGE, lambda path: path.write_bytes(
        changed(lambda entries, inner: inner.update(format=2, shards=["0" * 64]))(shard(path, 1).read_bytes()))),
    # A10: wrong types
    *(FolderAttack(f"A10 a list of shards that is {word}", ANY_DAMAGE, with_list(value)) for word, value in {
        "null": None, "empty": [], "a text": "0" * 64, "an object": {"1": "0" * 64}, "true": True,
        "nested": [["0" * 64]],
    }.items()),
    *(FolderAttack(f"A10 a shard that is {word}", ANY_DAMAGE, with_first(value)) for word, value in {
        "null": None, "a number": 10**18, "an object with a name": {"file": "x.safetensors", "header_sha256": "0" * 64},
        "in capitals": "A" * 64, "in other digits": "\u0663" * 64, "too long": "0" * 65, "too short": "0" * 63,
        "ended by a new line": "0" * 64 + "\n", "a text that moves the cursor": "\x1b[2J" * 16,
    }.items()),
    FolderAttack("A12 shards of other weights", DIFFER, changed_shard(
        lambda entries, inner: (
            entries.update({"a.b": entries.pop("hidden.kernel")}),
            inner["hashes"].update({"a.b": inner["hashes"].pop("hidden.kernel")})))),
    # A13: names that are paths
    *(FolderAttack(f"A13 a shard {word}", ANY_DAMAGE, with_first(value)) for word, value in {
        "above the folder": "../" * 8 + "etc/passwd", "of 64 characters above the folder": "../" * 18 + "etc/passwd",
        "that is absolute": "/etc/passwd", "on a drive": "C:\\weights", "with a zero byte": "0" * 63 + "\0",
        "of another address": "http://127.0.0.1:9/x", "that is the file itself": "m.safetensors",
    }.items()),
    # A14: no regular files
    FolderAttack("A14 a shard that links to another file", "not-corekit", replaced(
        lambda where, outside: where.symlink_to(outside))),
    FolderAttack("A14 a shard that links to a device", "not-corekit", replaced(
        lambda where, outside: where.symlink_to("/dev/zero"))),
    FolderAttack("A14 a shard that links to nothing", "not-corekit", replaced(
        lambda where, outside: where.symlink_to("none"))),
    FolderAttack("A14 a shard that links to itself", "not-corekit", replaced(
        lambda where, outside: where.symlink_to(where.name))),
    FolderAttack("A14 a pipe as a shard", "not-corekit", replaced(lambda where, outside: os.mkfifo(where))),
    FolderAttack("A14 a folder as a shard", "not-found", replaced(lambda where, outside: where.mkdir())),
    # A17: what belongs to two, or to nobody
    FolderAttack("A17 shards in each other's place", ANY_DAMAGE, swapped),
    FolderAttack("A17 shards in another order", ANY_DAMAGE, swapped_in_the_list),
    FolderAttack("A17 a shard of another model", ANY_DAMAGE, of_another_model),
    FolderAttack("A17 one shard under two numbers", ANY_DAMAGE, twice_under_two_numbers),
    FolderAttack("A17 one tensor in two shards", ANY_DAMAGE, one_tensor_twice),
    FolderAttack("A17 the list as its own shard", ANY_DAMAGE, listing_in_the_shards_place),
    FolderAttack("A17 a list among the shards", ANY_DAMAGE, lambda path: relisted(path, 1, path.read_bytes())),
    FolderAttack("A17 a model among the shards", ANY_DAMAGE, changed_shard(
        lambda entries, inner: inner.pop("shard"))),
    FolderAttack("A17 a shard that says another number", ANY_DAMAGE, changed_shard(
        lambda entries, inner: inner.update(shard=[3, 4]))),
    FolderAttack("A17 a shard of more than are listed", ANY_DAMAGE, changed_shard(
        lambda entries, inner: inner.update(shard=[1, 5]))),
    # A18, A20: a shard is read as strictly as any file
    FolderAttack("A18 a shape larger than its bytes in a shard", ANY_DAMAGE, changed_shard(
        lambda entries, inner: entries["hidden.kernel"].update(shape=[2**40]))),
    FolderAttack("A19 a tensor of a shard in another file", ANY_DAMAGE, changed_shard(
        lambda entries, inner: entries["hidden.kernel"].update(file="/etc/passwd"))),
    # A21: many
    FolderAttack("A21 more shards than any model has", ANY_DAMAGE, with_list(
        [f"{n:064x}" for n in range(MOST_SHARDS + 1)])),
    FolderAttack("A21 as many shards as are read, none there", "not-found", with_list(
        [f"{n:064x}" for n in range(MOST_SHARDS)])),
    FolderAttack("A21 more tensors than a model has, in shards", "too-large", many_tensors),
    # A22: damage
    FolderAttack("A22 a shard that is not there", "not-found", lambda path: shard(path, 2).unlink()),
    FolderAttack("A22 a bit of a shard's tensor", ANY_DAMAGE, damaged_shard(flipped(-1))),
    FolderAttack("A22 a bit of a shard's header", ANY_DAMAGE, damaged_shard(flipped(150))),
    FolderAttack("A22 a bit of the list", ANY_DAMAGE, lambda path: path.write_bytes(flipped(-150)(path.read_bytes()))),
    FolderAttack("A22 a shard cut in its tensors", ANY_DAMAGE, damaged_shard(lambda content: content[:-4])),
    FolderAttack("A22 a shard of nothing", "not-corekit", damaged_shard(lambda content: b"")),
    FolderAttack("A22 bytes after a shard's end", ANY_DAMAGE, damaged_shard(lambda content: content + b"x")),
]  # fmt: skip
