"""A model in several files comes back whole through every door; what is not there, or another, is named.

Hostile lists and shards: tests/integration/attacks_on_shards.py.
"""

import errno
import os
import shlex
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

import corekit as ck
from corekit.errors import LoadError
from corekit.saving import format as files
from corekit.saving import shards

SMALL = 600 / 2**30  # GB


@pytest.fixture
def path(model, tmp_path):
    """The file that lists the shards of a model, alone in its folder."""
    path = tmp_path / "m.safetensors"
    model.save(path, max_shard_size=SMALL)
    return path


@pytest.fixture
def parts(path):
    """Its shards."""
    return [path.with_name(name) for name in shards.read_header(path).shards]


def equal(one, two):
    return all(torch.equal(a, b) for a, b in zip(one.weights, two.weights, strict=True))


def refused(path, **how):
    with pytest.raises(LoadError) as caught:
        ck.load_model(path, **how)
    return caught.value


def test_model_comes_back(model, path, parts):
    loaded = ck.load_model(path)

    assert len(parts) >= 2
    assert equal(loaded, model)
    x = torch.randn(2, 3)
    assert torch.equal(loaded(x), model(x))


def test_frozen_weights_stay_frozen(model, path):
    model.layers[0].trainable = False
    model.save(path, max_shard_size=SMALL)

    assert [layer.trainable for layer in ck.load_model(path).layers] == [False, True]


@pytest.mark.parametrize("save", ["save", "save_weights"])
def test_weights_come_back_into_a_model(model, scale_class, path, save):
    getattr(model, save)(path, max_shard_size=SMALL)
    other = ck.Sequential([ck.Input(shape=(3,)), scale_class(start=0.0), scale_class(start=0.0)])

    match = other.load_weights(path)

    assert match.is_whole
    assert equal(other, model)


def test_safetensors_own_loader_reads_each_shard(model, parts):
    found = {name: weight for part in parts for name, weight in load_file(part).items()}

    assert found.keys() == model.named_weights().keys()
    assert all(torch.equal(found[name], weight) for name, weight in model.named_weights().items())


def test_older_reader_asks_for_an_upgrade(path, monkeypatch):
    monkeypatch.setattr(files, "FORMAT", 1)

    error = refused(path)

    assert error.code == "newer-format"
    assert "format 2; this corekit reads up to 1.\n  pip install --upgrade corekit" in str(error)


def test_saved_again_it_is_one_file(model, path):
    ck.load_model(path).save(path)

    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert equal(ck.load_model(path), model)


def test_saved_again_in_the_same_sizes_it_is_the_same_files(path):
    before = {one.name: one.read_bytes() for one in path.parent.iterdir()}

    ck.load_model(path).save(path, max_shard_size=SMALL)

    assert {one.name: one.read_bytes() for one in path.parent.iterdir()} == before


def test_files_may_be_moved_together(model, path, parts, tmp_path):
    (tmp_path / "other").mkdir()
    for one in [path, *parts]:
        shutil.move(one, tmp_path / "other")

    assert equal(ck.load_model(tmp_path / "other" / path.name), model)


def test_link_to_the_file_finds_its_shards(model, path, tmp_path):
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "other.safetensors"
    link.symlink_to(path)

    assert equal(ck.load_model(link), model)


def test_missing_shard_is_named_with_where_it_was_looked_for(path, parts):
    parts[1].unlink()

    error = refused(path)

    assert error.code == "not-found"
    assert str(error) == (
        f"{path} lists {len(parts)} shards, of which 1 cannot be found: {parts[1].name}. Nothing was loaded.\n"
        f"  The file has no weights itself: copy its shards beside it, into {path.parent}."
    )


def test_file_moved_alone_says_that_its_shards_are_not_there(path, tmp_path):
    (tmp_path / "other").mkdir()
    moved = shutil.move(path, tmp_path / "other")

    assert f"copy its shards beside it, into {tmp_path / 'other'}." in str(refused(moved))


@pytest.mark.skipif(os.name != "posix", reason="the lines are for a shell")
@pytest.mark.parametrize("name", ["best.safetensors", "my best $HOME.safetensors", "m.safetensors.bak"])
def test_renamed_file_shows_lines_that_make_it_load(model, path, parts, name):
    renamed = path.rename(path.with_name(name))

    error = refused(renamed)

    assert error.code == "not-found"
    lines = [line.strip() for line in str(error).splitlines() if line.startswith("  mv ")]
    assert len(lines) == len(parts)
    subprocess.run("\n".join(lines), shell=True, check=True, cwd=path.parent)
    assert equal(ck.load_model(renamed), model)


def test_many_renamed_shards_are_shown_shortened(path, parts, monkeypatch):
    monkeypatch.setattr(shards, "_MOST_LINES", 1)
    path.rename(path.with_name("n.safetensors"))

    assert str(refused(path.with_name("n.safetensors"))).endswith(f"\n  ... and {len(parts) - 1} more")


def test_name_of_a_stranger_is_not_offered_where_it_cannot_be_printed(path, parts):
    place = parts[0].name.removeprefix("m")
    path.rename(path.with_name("n.safetensors"))
    parts[0].rename(path.with_name("\x1b[2J" + place))

    lines = [line for line in str(refused(path.with_name("n.safetensors"))).splitlines() if "  mv " in line]

    assert len(lines) == len(parts) - 1
    assert all(shlex.split(line)[1].isprintable() for line in lines)


def test_shard_that_may_not_be_read_is_named(path, parts, monkeypatch):
    def refuse(*given):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(files, "_without_links", refuse)

    assert f"{parts[0]} cannot be opened: {os.strerror(errno.EACCES)}" in str(refused(path))


def test_shard_that_is_a_link_says_what_to_do(path, parts):
    parts[0].rename(path.with_name("elsewhere"))
    parts[0].symlink_to("elsewhere")

    error = refused(path)

    assert error.code == "not-corekit"
    assert f"{parts[0]} is a link" in str(error)
    assert "Put the file that it leads to into its place." in str(error)


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="the system cannot open a file unless it is a link")
@pytest.mark.parametrize("look", [shards.read_header, shards.verified, shards.read])
def test_shard_that_becomes_a_link_after_the_look_at_it_is_not_followed(path, parts, look, monkeypatch):
    parts[0].rename(path.with_name("elsewhere"))
    parts[0].symlink_to("elsewhere")
    monkeypatch.setattr(type(path), "is_symlink", lambda self: False)

    with pytest.raises(LoadError, match=rf"{parts[0].name} cannot be opened"):
        look(path)


def test_damage_names_the_shard_and_the_tensor(path, parts):
    content = bytearray(parts[0].read_bytes())
    content[-1] ^= 1
    parts[0].write_bytes(content)

    for look in (ck.load_model, shards.verified, shards.read):
        with pytest.raises(LoadError, match=rf"{parts[0].name}: tensor '.*' is damaged.*Nothing was loaded"):
            look(path)
    assert shards.read_header(path).shards


def test_all_headers_are_checked_before_the_first_tensor_is_read(path, parts, monkeypatch):
    parts[-1].write_bytes(parts[0].read_bytes())
    real, read = files.read, []
    monkeypatch.setattr(files, "read", lambda where, **how: (read.append(where), real(where, **how))[1])

    assert f"{parts[-1]} is not the shard that {path} lists, though it is called so" in str(refused(path))
    assert read == [path]  # which has no tensors


def test_shard_that_changes_after_its_header_was_checked_is_refused(path, parts, monkeypatch):
    real = shards._whole

    def then_swapped(*given):
        found = real(*given)
        parts[0].write_bytes(parts[1].read_bytes())
        return found

    monkeypatch.setattr(shards, "_whole", then_swapped)

    assert refused(path).code == "damaged"


def test_shard_alone_says_what_to_load(path, parts):
    error = refused(parts[0])

    assert error.code == "weights-only"
    assert str(error).endswith(f'holds a part of a model\'s weights.\n  Load the file that lists it:  "{path}"')


def test_renamed_shard_alone_says_what_it_is(path, parts):
    alone = parts[0].rename(path.with_name("alone.safetensors"))

    assert str(refused(alone)).endswith("Load the file that lists it.")


def test_shards_of_weights_alone_say_how_to_load_them(model, path):
    model.save_weights(path, max_shard_size=SMALL)

    assert f'model.load_weights("{path}")' in str(refused(path))


def test_shard_alone_fits_no_model(model, parts):
    with pytest.raises(LoadError, match="missing in the file"):
        model.load_weights(parts[0])


MEASURED = """
import sys
import corekit as ck, torch

@ck.register
class Turned(ck.Layer):  # its weight lies in memory as convolutions' do, not as files have it
    def build(self, input_shape):
        self.kernel = torch.nn.Parameter(torch.ones(input_shape[-1], 4096).t())
    def call(self, inputs):
        return inputs * self.kernel.sum()
    def compute_output_shape(self, input_shape):
        return input_shape

def peak():
    return 1024 * int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])

def model(size):
    return ck.Sequential([ck.Input((size,)), *(Turned() for _ in range(5))])

if sys.argv[1] == "save":
    model(1).save("small.safetensors", max_shard_size=1)
    large = model(2560)
    before = peak()
    large.save("large.safetensors", max_shard_size=eval(sys.argv[2]))
else:
    ck.load_model("small.safetensors")
    before = peak()
    ck.load_model("large.safetensors")
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak where Linux tells it")
@pytest.mark.parametrize(("largest", "count"), [("None", 2), ("0.0785", 5)])
def test_large_model_is_in_memory_once(tmp_path, largest, count):
    size = 5 * 40 * 2**20  # five weights, two in a shard, each so large that malloc gives it back at once

    def growth(*words):
        run = [sys.executable, "-c", MEASURED, *words]
        return int(subprocess.run(run, check=True, cwd=tmp_path, capture_output=True, text=True).stdout)

    assert growth("save", largest) < 0.35 * size  # a weight
    assert len(list(tmp_path.iterdir())) == count
    assert 0.95 * size < growth("load") < 1.35 * size  # the model, and a weight
