"""The HDF5 file of weights: plain arrays are read; whatever leads elsewhere, or hides its size, is refused."""

import io
import os
import random

import numpy as np
import pytest
import torch

from corekit.errors import LoadError
from corekit.saving import hdf5

h5py = pytest.importorskip("h5py", reason="the extra corekit[keras]")


def made(fill):
    """Return the bytes of a file that `fill` wrote into."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        fill(file)
    return content.getvalue()


def read(content):
    with hdf5.opened(content, "the file") as arrays:
        return {path: array.tensor() for path, array in arrays.items()}


def refused(content, code):
    with pytest.raises(LoadError) as raised:
        read(content)
    assert raised.value.code == code
    return str(raised.value)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "?"])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3)])
def test_numbers_of_any_kind_come_back(order, dtype, shape):
    values = np.random.default_rng(0).integers(0, 2, shape).astype(order + dtype)

    tensor = read(made(lambda file: file.create_dataset("a/b", data=values)))["a/b"]

    assert tensor.shape == shape
    np.testing.assert_array_equal(tensor.numpy(), values)


def test_bfloat16_comes_back_as_keras_marks_it():
    values = torch.tensor([1.5, -2.0, 3e38]).to(torch.bfloat16)

    def fill(file):
        file.create_dataset("w", data=values.view(torch.int16).numpy().view("V2")).attrs["dtype"] = "bfloat16"

    assert torch.equal(read(made(fill))["w"], values)


def test_chunked_arrays_are_read():
    values = np.arange(100.0).reshape(10, 10)

    content = made(lambda file: file.create_dataset("w", data=values, chunks=(3, 4)))

    np.testing.assert_array_equal(read(content)["w"].numpy(), values)


def test_state_of_the_optimizer_is_not_even_looked_at():
    def fill(file):
        file["optimizer/vars/0"] = h5py.SoftLink("/elsewhere")
        file["vars/0"] = 1.0

    assert list(read(made(fill))) == ["vars/0"]


# What leads elsewhere


@pytest.mark.parametrize(
    ("link", "kind"), [("SoftLink", "SoftLink"), ("ExternalLink", "ExternalLink")], ids=["soft", "external"]
)
def test_link_is_refused_by_name(link, kind):
    target = ("/w",) if link == "SoftLink" else ("/etc/hostname", "/w")

    def fill(file):
        file["w"] = 1.0
        file["layers/a"] = getattr(h5py, link)(*target)

    assert f"'layers/a' is a {kind}" in refused(made(fill), "not-plain")


def test_external_storage_is_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret" * 10)

    def fill(file):
        file.create_dataset("w", (4,), "f4", external=[(os.fspath(secret), 0, 16)])

    assert "lie in another file" in refused(made(fill), "not-plain")


def test_virtual_array_is_refused(tmp_path):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(os.fspath(tmp_path / "other.h5"), "w", (4,))

    assert "lie in another file" in refused(made(lambda file: file.create_virtual_dataset("w", layout)), "not-plain")


@pytest.mark.parametrize("filters", [{"compression": "gzip"}, {"compression": "lzf"}, {"shuffle": True},
                                     {"fletcher32": True}, {"scaleoffset": 2}], ids=str)  # fmt: skip
def test_filter_is_refused(filters):
    content = made(lambda file: file.create_dataset("w", data=np.zeros((50, 50), "f4"), **filters))

    assert "goes through a filter" in refused(content, "not-plain")


# What hides its size


def test_array_of_which_nothing_is_stored_is_refused():
    content = made(lambda file: file.create_dataset("w", (2**40,), "f4"))

    assert "4,398,046,511,104 bytes, of which 0 are stored" in refused(content, "damaged")


def test_chunked_array_with_gaps_is_refused():
    def fill(file):
        file.create_dataset("w", (100, 100), "f4", chunks=(10, 10))[:10] = 1.0

    assert "of which 4,000 are stored" in refused(made(fill), "damaged")


# What is no number


@pytest.mark.parametrize("value", [b"text", "text", np.zeros(3, [("a", "f4")]), np.zeros(3, "c8"), np.zeros(2, "V2")])
def test_what_holds_no_numbers_is_refused(value):
    assert "'w' holds no numbers" in refused(made(lambda file: file.create_dataset("w", data=value)), "not-plain")


def test_references_and_empty_arrays_are_refused():
    def reference(file):
        file["a"] = 1.0
        file.create_dataset("w", data=file["a"].ref, dtype=h5py.ref_dtype)

    assert "holds no numbers" in refused(made(reference), "not-plain")
    assert "holds no numbers" in refused(
        made(lambda file: file.create_dataset("w", data=h5py.Empty("f4"))), "not-plain"
    )


def test_named_type_is_refused():
    def fill(file):
        file["t"] = np.dtype("f8")

    assert "'t' is neither a group nor an array" in refused(made(fill), "not-plain")


# How it is joined


def test_array_under_two_names_is_refused():
    def fill(file):
        file["a"] = 1.0
        file["b"] = file["a"]

    assert "stands in the file a second time" in refused(made(fill), "not-plain")


def test_group_inside_itself_is_refused():
    def fill(file):
        file["a/b"] = 1.0
        file["a/c"] = file["/"]

    assert "stands in the file a second time" in refused(made(fill), "not-plain")


def test_deep_nesting_is_refused():
    assert "lies too deep" in refused(made(lambda file: file.create_group("a/" * 200)), "not-plain")


# What is damaged


def test_cut_off_file_is_refused_at_every_length():
    content = made(lambda file: file.create_dataset("a/b", data=np.arange(100.0)))

    for length in range(8, len(content), 61):
        refused(content[:length], "damaged")


def test_damaged_bytes_are_refused_or_are_other_numbers():
    content = made(lambda file: [file.create_dataset(f"a{n}/b", data=np.arange(20.0)) for n in range(10)])
    seeded, refusals = random.Random(3), 0

    for _ in range(500):
        damaged = bytearray(content)
        for _ in range(seeded.choice([1, 1, 5, 40])):
            damaged[seeded.randrange(len(content))] = seeded.randrange(256)
        try:
            arrays = read(bytes(damaged))
        except LoadError:
            refusals += 1
        else:
            assert all(isinstance(array, torch.Tensor) for array in arrays.values())

    assert refusals > 100


def test_what_is_no_hdf5_is_refused(tmp_path):
    assert "is no HDF5 file" in refused(b"PK\x03\x04" * 9, "not-keras")
    assert "cannot be opened" in refused(tmp_path / "none.h5", "not-found")


def test_missing_h5py_is_told_with_the_line_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)

    assert 'pip install "corekit[keras]"' in refused(b"", "missing-part")
