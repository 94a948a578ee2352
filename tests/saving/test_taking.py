"""Bytes of a file go into memory of their own, several tensors at once, and errors come in the order of the file."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

import corekit as ck
from corekit.errors import LoadError
from corekit.saving import taking


@pytest.mark.parametrize("size", [0, 1, taking.LARGE, taking.LARGE + 1])
def test_memory_holds_what_the_file_has_there(size: int, tmp_path: Path) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "f").write_bytes(b"before" + content)

    with open(tmp_path / "f", "rb") as file:
        held = taking.memory(size)
        assert taking.fill(held, file, 6)
        assert file.tell() == 0

    assert len(held) == size
    assert bytes(held) == content[:size]


def test_each_piece_is_seen_as_it_comes(tmp_path: Path) -> None:
    content = bytes(range(256)) * (taking.PIECE // 128)
    (tmp_path / "f").write_bytes(content + b"!")
    pieces: list[bytes] = []

    with open(tmp_path / "f", "rb") as file:
        held = taking.memory(len(content) + 1)
        assert taking.fill(held, file, 0, lambda piece: pieces.append(bytes(piece)))

    assert list(map(len, pieces)) == [taking.PIECE, taking.PIECE, 1]
    assert b"".join(pieces) == content + b"!"


def test_file_that_is_too_short_is_told(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")

    with open(tmp_path / "f", "rb") as file:
        assert not taking.fill(taking.memory(4), file, 0)
        assert not taking.fill(taking.memory(1), file, 3)


@pytest.mark.parametrize("size", [0, 2**30])
def test_results_and_errors_come_in_order(size: int) -> None:
    def half(number: int) -> int:
        if number % 2:
            raise ValueError(number)
        return number // 2

    assert taking.each(half, [8, 2, 4], size) == [4, 1, 2]
    with pytest.raises(ValueError, match="5"):
        taking.each(half, [2, 5, 4, 7], size)


def test_little_is_read_without_threads() -> None:
    assert set(taking.each(lambda _: threading.get_ident(), range(9), 100)) == {threading.get_ident()}


def test_model_is_saved_and_loaded_while_the_interpreter_ends(tmp_path: Path) -> None:
    program = """
import atexit
import corekit as ck

model = ck.Sequential([ck.Input((1024,)), ck.layers.Dense(2048), ck.layers.Dense(1024)])

@atexit.register  # pools of threads are closed by then
def last():
    model.save("m.safetensors")
    print(len(ck.load_model("m.safetensors").weights))
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("4\n", "")


def test_damage_in_a_large_model_names_the_first_tensor(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = ck.Sequential([ck.Input((1024,)), *(ck.layers.Dense(1024, use_bias=False, name=f"d{n}") for n in range(6))])
    path = tmp_path / "m.safetensors"
    model.save(path)
    loaded = ck.load_model(path)
    assert all(torch.equal(mine, its) for mine, its in zip(model.weights, loaded.weights, strict=True))
    loaded.weights[0].data.add_(1.0)  # it is memory of its own, not the file's
    assert torch.equal(ck.load_model(path).weights[0], model.weights[0])

    content = bytearray(path.read_bytes())
    for tensor in (2, 4):
        content[-(6 - tensor) * 4 * 2**20 + 17] ^= 1
    path.write_bytes(content)

    with pytest.raises(LoadError, match=r"tensor 'd2\.kernel' is damaged"):
        ck.load_model(path)
