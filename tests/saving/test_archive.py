"""The zip of a .keras file: what Keras writes is read, and whatever else a zip can be is refused."""

import random
import struct
import zipfile

import pytest
import torch

import corekit as ck
from corekit.errors import LoadError
from tests.saving.keras_files import members, row, scale, weights, write

pytest.importorskip("h5py", reason="the extra corekit[keras]")


@pytest.fixture
def path(tmp_path, scale_class):
    """A file that can be read."""
    return write(tmp_path / "m.keras")


def refused(path, code):
    with pytest.raises(LoadError) as raised:
        ck.load_model(path)
    assert raised.value.code == code
    return str(raised.value)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_stored_and_deflated_members_are_read(path, method):
    write(path, method=method)

    model = ck.load_model(path)

    assert [w.tolist() for w in model.weights] == [[1.0, 2.0, 3.0], 0.5, 7]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_is_refused(path, method):
    write(path, method=method)

    assert "compressed in a way that Keras does not write" in refused(path, "not-plain")


@pytest.mark.parametrize("name", ["../evil.py", "/etc/passwd", "assets/x.txt", "CONFIG.JSON", "model.weights.h5.npz"])
def test_further_members_are_refused_by_name(path, name):
    write(path, {**members(), name: b"x"})

    assert repr(name) in refused(path, "not-plain")


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5"])
def test_member_that_stands_twice_is_refused(path, name):
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr(name, b"{}")

    assert "stands twice" in refused(path, "not-plain")


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5"])
def test_missing_member_is_named(path, name):
    write(path, {key: value for key, value in members().items() if key != name})

    assert f"no {name}" in refused(path, "not-keras")


def test_link_in_the_zip_is_refused(path):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members().items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o120777 if name == "config.json" else 0o100644) << 16
            file.writestr(info, content)

    assert "no regular file" in refused(path, "not-plain")


def patched(path, offset_in_entry, name, value, form="<H"):
    """Change a field of a member's entry in the directory."""
    content = bytearray(path.read_bytes())
    at = content.rindex(name.encode()) - 46 + offset_in_entry
    content[at : at + struct.calcsize(form)] = struct.pack(form, value)
    path.write_bytes(content)


def test_encrypted_member_is_refused(path):
    patched(path, 8, "config.json", 0x1)

    assert "encrypted" in refused(path, "not-plain")


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_size_that_is_not_the_stored_one_is_refused(path, name):
    patched(path, 24, name, 2**31, "<I")

    assert f"the sizes of {name} disagree" in refused(path, "damaged")


def test_two_entries_for_the_same_bytes_are_refused(path):
    patched(path, 42, "model.weights.h5", 0, "<I")

    refused(path, "damaged")


def test_name_that_differs_in_the_directory_is_refused(path):
    content = path.read_bytes()
    path.write_bytes(content.replace(b"metadata.json", b"metadata.jsom", 1))

    assert "in two ways" in refused(path, "damaged")


@pytest.mark.parametrize("where", ["before", "after", "comment"])
def test_bytes_around_the_zip_are_refused(path, where):
    content = path.read_bytes()
    if where == "comment":
        with zipfile.ZipFile(path, "a") as file:
            file.comment = b"#!/bin/sh"
    else:
        path.write_bytes(b"PK\x03\x04junk" + content if where == "before" else content + b"junk")

    refused(path, "damaged")


def test_bomb_is_refused_before_it_is_unpacked(path):
    write(path, members(h5=b"\x89HDF\r\n\x1a\n" + bytes(64 * 2**20)), zipfile.ZIP_DEFLATED)

    assert "Nothing was unpacked" in refused(path, "too-large")


def test_weights_larger_than_the_configuration_are_refused(path):
    write(path, members(h5=weights() + bytes(17 * 2**20)))

    assert "the model that the file describes needs at most" in refused(path, "too-large")


def test_bomb_that_its_configuration_allows_is_refused_all_the_same(path):
    bomb = b"\x89HDF\r\n\x1a\n" + bytes(64 * 2**20)
    write(path, members(row(scale(), size=2**33), bomb), zipfile.ZIP_DEFLATED)

    assert "numbers do not shrink so much" in refused(path, "too-large")


@pytest.mark.parametrize(
    "text", [b'{"a": 1, "a": 2}', b'{"a": NaN}', b"[]", b"{", b"\xff\xfe", b'{"a": ' + b"[" * 99 + b"]" * 99 + b"}"]
)
def test_configuration_is_strict_json(path, text):
    write(path, {**members(), "config.json": text})

    assert "config.json: it cannot be read" in refused(path, "damaged")


def test_older_keras_is_refused_with_the_way_out(path):
    write(path, members(version="2.15.0"))

    message = refused(path, "other-version")

    assert "saved by Keras '2.15.0'" in message
    assert 'keras.models.load_model("m.keras").save("m.keras")' in message


@pytest.mark.parametrize("content", [b"", b"PK", b"\x89HDF\r\n\x1a\n", b"{}" * 50])
def test_what_is_no_zip_is_refused(path, content):
    path.write_bytes(content)

    assert "is no zip" in refused(path, "not-keras")


def test_folder_and_missing_file_are_told(tmp_path):
    (tmp_path / "folder.keras").mkdir()

    assert "is a folder" in refused(tmp_path / "folder.keras", "not-keras")
    assert "cannot be opened" in refused(tmp_path / "none.keras", "not-found")


def test_cut_off_file_is_refused_at_every_length(path):
    content = path.read_bytes()

    for length in range(4, len(content), 97):
        path.write_bytes(content[:length])
        refused(path, "damaged")


def test_flipped_bit_is_refused_or_changes_nothing(path):
    content = path.read_bytes()
    wanted = ck.load_model(path).weights
    seeded, refusals = random.Random(1), 0

    for _ in range(300):
        flipped = bytearray(content)
        flipped[seeded.randrange(len(content))] ^= 1 << seeded.randrange(8)
        path.write_bytes(flipped)
        try:
            model = ck.load_model(path)
        except LoadError:
            refusals += 1
        else:
            assert all(torch.equal(a, b) for a, b in zip(model.weights, wanted, strict=True))

    assert refusals > 250
