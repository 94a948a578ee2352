"""A model in several files: a save that is cut off at any step loses nothing, and the next one leaves nothing of it."""

import errno
import os
import random
import signal
import time
from functools import partial
from pathlib import Path

import pytest

import corekit as ck
from corekit.errors import ArgumentError, SaveError
from corekit.saving import atomic, dividing, shards, storing
from corekit.saving import format as files
from corekit.saving.storing import Source
from tests.saving.test_atomic import KILLS, die, in_child, needs_fork, outcome

LARGEST = 6_000  # bytes of a file
METADATA = {"corekit": "0", "architecture": {"layers": []}}


def tensors(word: str, count: int = 6):
    """Return some tensors of 2,500 bytes: two fit into a shard."""
    return {f"{word}.t{n}": ("U8", (2500,), random.Random(word + str(n)).randbytes(2500)) for n in range(count)}


def sources(content):
    return {
        name: Source(dtype, shape, len(data), partial(memoryview, data))
        for name, (dtype, shape, data) in content.items()
    }


OLD, NEW, FEW = tensors("old"), tensors("new", 9), tensors("few", 1)
CASES = {
    "shards over shards": (OLD, NEW), "shards over one file": (FEW, NEW), "one file over shards": (OLD, FEW),
    "shards over nothing": (None, NEW), "the same shards again": (OLD, OLD),
}  # fmt: skip


def save(path: Path, content, largest: float | None = LARGEST) -> None:
    dividing.write(path, sources(content), METADATA, max_shard_size=largest and largest / dividing.GB)


def content_of(path: Path):
    """Return the tensors of a file and its shards, all checked; None where there is none."""
    if not path.exists():
        return None
    contents, data = shards.read(path)
    return {name: (one.dtype, one.shape, data[name]) for name, one in contents.tensors.items()}


def files_of(content) -> int:
    """Return how many files it makes: two tensors in each, and the file that lists them."""
    return 1 if content is FEW else 1 + (len(content) + 1) // 2


def names_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def expected(path: Path) -> list[str]:
    """Return the names of a model's files, and of no others."""
    return sorted([path.name, *shards.read_header(path).shards])


def test_no_file_is_larger_than_was_said(path):
    save(path, OLD)

    sizes = {name: (path.parent / name).stat().st_size for name in names_in(path.parent)}
    assert len(sizes) == 4
    assert max(sizes.values()) <= LARGEST
    assert sizes[path.name] < 1_000


@pytest.mark.parametrize("largest", range(3_200, 18_000, 331))
def test_files_of_any_size_hold_it_all(path, largest):
    save(path, OLD, largest)

    assert content_of(path) == OLD
    assert all((path.parent / name).stat().st_size <= largest for name in names_in(path.parent))


def test_weights_that_fit_stay_in_one_file_byte_for_byte(path):
    storing.write(path, sources(OLD), METADATA)
    before = path.read_bytes()

    save(path, OLD, len(before) + 1_000)

    assert names_in(path.parent) == [path.name]
    assert path.read_bytes() == before
    assert files.read_header(path).metadata["format"] == 1


def test_names_hold_the_place_and_the_digest(path):
    save(path, OLD)

    listed = files.read_header(path).metadata["shards"]
    assert list(shards.read_header(path).shards) == [
        f"m-{n:05}-of-00003-{digest[:16]}.safetensors" for n, digest in enumerate(listed, 1)
    ]


def test_equal_models_give_equal_files(path, tmp_path):
    (tmp_path / "other").mkdir()
    save(path, OLD)
    save(tmp_path / "other" / "m.safetensors", OLD)

    for name in expected(path):
        assert (tmp_path / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


@pytest.mark.parametrize(
    ("size", "line"),
    [
        (0, 5),
        (-1, 5),
        (True, 5),
        ("5GB", 5),
        (float("nan"), 5),
        (float("inf"), 5),
        ([5], 5),
        (5 * 2**30, 5),
        (2e9, 1.86),
    ],
)
def test_size_that_is_none_shows_what_to_write(path, size, line):
    with pytest.raises(ArgumentError, match=rf"a number of GB, not of bytes(?s:.*)Write  max_shard_size={line}\.$"):
        dividing.write(path, sources(OLD), METADATA, max_shard_size=size)

    assert not path.exists()


def test_name_too_long_for_its_shards_is_told(path):
    path = path.with_name("m" * 230 + ".safetensors")
    save(path, FEW)

    with pytest.raises(SaveError, match=r"could not be written: File name too long.*untouched"):
        save(path, OLD)

    assert content_of(path) == FEW
    assert names_in(path.parent) == [path.name]


def test_weight_larger_than_a_file_is_named(path):
    save(path, FEW)
    large = {**OLD, "head.kernel": ("U8", (9000,), bytes(9000))}

    with pytest.raises(SaveError, match=r'"head\.kernel" makes a file of 9,\d+ bytes.*allows 6,000'):
        save(path, large)

    assert content_of(path) == FEW
    assert names_in(path.parent) == [path.name]


def test_size_that_the_error_shows_is_enough(path):
    with pytest.raises(SaveError) as caught:
        save(path, OLD, 1_000)

    shown = str(caught.value).partition("Write  max_shard_size=")[2].split()[0]
    dividing.write(path, sources(OLD), METADATA, max_shard_size=float(shown))


def test_more_shards_than_are_read_are_not_written(path, monkeypatch):
    monkeypatch.setattr(dividing, "MOST_SHARDS", 2)

    with pytest.raises(SaveError, match=r"makes 3 files of 6 tensors; at most 2 "):
        save(path, OLD)

    assert names_in(path.parent) == []


@pytest.mark.parametrize("metadata", [{"architecture": 10**30}, {"architecture": "\ud800"}])
def test_description_that_no_reader_takes_is_told_before_anything_is_written(path, metadata, monkeypatch):
    monkeypatch.setattr(dividing, "replacing", None)  # not called

    with pytest.raises(SaveError, match="could not be read back, so nothing was written"):
        dividing.write(path, sources(OLD), {**METADATA, **metadata}, max_shard_size=LARGEST / dividing.GB)


def test_name_that_no_reader_takes_is_told_before_anything_is_written(path, monkeypatch):
    monkeypatch.setattr(dividing, "replacing", None)

    with pytest.raises(SaveError, match=r"'a\.\.b' has a name that no weight has"):
        save(path, {**OLD, "a..b": OLD["old.t0"]})


@pytest.mark.parametrize("case", CASES)
def test_save_over_another_leaves_its_own_files_only(path, case):
    old, new = CASES[case]
    if old is not None:
        save(path, old)

    save(path, new)

    assert content_of(path) == new
    assert names_in(path.parent) == expected(path)


def test_shards_have_the_mode_of_the_file(path):
    save(path, FEW)
    path.chmod(0o600)

    save(path, NEW)

    assert {(path.parent / name).stat().st_mode & 0o777 for name in expected(path)} == {0o600}


def test_link_leads_to_the_model_with_its_shards(path, tmp_path):
    (tmp_path / "real").mkdir()
    path.symlink_to(tmp_path / "real" / "n.safetensors")

    save(path, OLD)
    save(path, NEW)

    assert content_of(path) == NEW
    assert names_in(tmp_path) == ["m.safetensors", "real"]
    assert names_in(tmp_path / "real") == expected(tmp_path / "real" / "n.safetensors")


def test_other_models_of_the_folder_are_left_alone(path):
    others = [path.with_name(name) for name in ("m-1.safetensors", "mm.safetensors", "m-00001-of-00002.safetensors")]
    for other in others:
        save(other, OLD)
    foreign = path.with_name("m-00001-of-00009.safetensors")
    foreign.write_bytes(b"of another program")

    save(path, OLD)
    save(path, FEW)

    assert [content_of(other) == OLD for other in others] == [True] * 3
    assert foreign.exists()


@pytest.mark.parametrize("name", ["best.safetensors", "m.safetensors.bak"])
def test_renamed_file_keeps_its_shards_when_the_name_is_used_again(path, name):
    save(path, OLD)
    path.rename(path.with_name(name))

    save(path, NEW)

    path.with_name(name).replace(path)  # back under its name
    assert content_of(path) == OLD


def test_save_that_another_process_has_begun_loses_no_shard(path):
    save(path, OLD)
    left = path.with_name("m-00001-of-00002-0123456789abcdef.safetensors")
    left.write_bytes(b"a shard of a save that goes on")

    with atomic.replacing(path):
        dividing._sweep(path)
        assert left.exists()
        before = {*names_in(path.parent)}
        raised = outcome(lambda: save(path, NEW), 30, lambda: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        assert "broken" in raised
        assert {*names_in(path.parent)} > before  # the other may be about to list the same shards


def test_file_that_cannot_be_read_costs_no_shard(path):
    save(path, OLD)
    path.write_bytes(b"damaged")

    dividing._sweep(path)

    assert len(names_in(path.parent)) == 4


def test_steps_are_in_the_safe_order(path, monkeypatch):
    save(path, OLD)
    steps = []
    for name in ("fsync", "replace", "unlink"):
        call = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, call=call: (steps.append((name, str(a[-1]))), call(*a))[1])

    save(path, NEW)

    words = [f"{name} {'file' if target.endswith('/m.safetensors') else 'shard'}" for name, target in steps]
    kinds = [word if word.startswith(("replace", "unlink")) else "fsync" for word in words]
    assert kinds == ["fsync", "replace shard", "fsync"] * 5 + ["fsync", "replace file", "fsync"] + ["unlink shard"] * 3


@needs_fork
@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_process_killed_at_any_step_loses_nothing(path, case):
    old, new = CASES[case]
    steps = 0
    for count in range(1, 200):
        if old is not None:
            save(path, old)
        child = in_child(lambda count=count: outcome(lambda: save(path, new), count, die))
        _, status = os.waitpid(child, 0)

        assert content_of(path) in (old, new)
        save(path, FEW, None)
        assert names_in(path.parent) == [path.name]  # whatever was left is gone
        path.unlink()
        if not os.WIFSIGNALED(status):
            break
        steps += 1

    assert steps >= 6 * files_of(new)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_disk_that_refuses_at_any_step_loses_nothing(path, case, code):
    old, new = CASES[case]
    refused = 0

    def refuse():
        raise OSError(code, os.strerror(code))

    for count in range(1, 200):
        if old is not None:
            save(path, old)
        before = names_in(path.parent)
        told = outcome(lambda: save(path, new), count, refuse)
        if told is None:
            break
        refused += told != ""
        if told == "":
            assert content_of(path) == new
        elif "untouched" in told:
            assert content_of(path) == old
            assert names_in(path.parent) == before  # what was written is taken back at once
        else:
            assert f"{path} was written, but its folder could not be synced" in told
            assert content_of(path) == new
            assert {*before} <= {*names_in(path.parent)}  # the old file may be back after a power cut
        save(path, FEW, None)
        assert names_in(path.parent) == [path.name]
        path.unlink()

    assert refused >= 6 * files_of(new)


@needs_fork
@pytest.mark.slow
def test_process_killed_at_random_moments_loses_nothing(path):
    chance = random.Random(0)
    save(path, OLD)
    for _ in range(max(20, KILLS // 4)):
        child = in_child(lambda: [save(path, content) for _ in range(1000) for content in (OLD, NEW, FEW)])
        time.sleep(chance.uniform(0, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

        assert content_of(path) in (OLD, NEW, FEW)
        save(path, OLD)
        assert names_in(path.parent) == expected(path)


@needs_fork
def test_two_processes_at_once_leave_one_model_whole(path):
    save(path, OLD)
    children = [
        in_child(lambda content=content: [save(path, content) for _ in range(20)])
        for content in (NEW, OLD, tensors("third", 5))
    ]

    for child in children:
        os.waitpid(child, 0)

    assert content_of(path) in (NEW, OLD, tensors("third", 5))
    save(path, FEW)
    assert names_in(path.parent) == [path.name]


@needs_fork
def test_reader_finds_a_whole_model_while_another_process_saves(path):
    save(path, OLD)
    child = in_child(lambda: [(save(path, one), time.sleep(0.005)) for _ in range(10_000) for one in (NEW, OLD)])

    try:
        seen = [content_of(path) for _ in range(200)]
        sizes = {len(shards.verified(path).tensors) for _ in range(200)}
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    assert all(one in (OLD, NEW) for one in seen)
    assert sizes <= {len(OLD), len(NEW)}


def test_model_is_saved_in_several_files(model, path):
    model.save(path, max_shard_size=1_000 / dividing.GB)

    assert len(names_in(path.parent)) > 2
    loaded = ck.load_model(path)
    assert [weight.tolist() for weight in loaded.weights] == [weight.tolist() for weight in model.weights]
