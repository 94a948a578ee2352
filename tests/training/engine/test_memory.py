"""What is remembered of a step, and that a bad file is as none."""

import os

import pytest

from corekit.training.engine import memory
from corekit.training.engine.memory import Measured


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COREKIT_CACHE", str(tmp_path))
    return tmp_path / "steps"


def test_measured_step_is_recalled():
    memory.remember("a", Measured(2.0, 1.0, load=3.0, is_real=True))

    assert memory.recall("a") == Measured(2.0, 1.0, load=3.0, is_real=True)
    assert memory.recall("b") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"eager": 1}', '{"eager": 1, "compiled": 1, "more": 1}', "\x00"])
def test_damaged_file_is_as_none(folder, text):
    folder.mkdir()
    (folder / "a.json").write_text(text)

    assert memory.recall("a") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder_is_no_error(folder):
    folder.mkdir(mode=0o500)

    memory.remember("a", Measured(2.0, 1.0, 0.0))


def test_folder_that_is_a_file_is_no_error(folder):
    folder.write_text("")

    memory.remember("a", Measured(2.0, 1.0, 0.0))

    assert memory.recall("a") is None


def test_nothing_is_left_beside_the_file(folder):
    memory.remember("a", Measured(2.0, 1.0, 0.0))

    assert [path.name for path in folder.iterdir()] == ["a.json"]


def test_signature_tells_parts_apart():
    assert memory.signature([1], "a") == memory.signature([1], "a")
    assert memory.signature([1], "a") != memory.signature([2], "a")


def test_share_is_what_compiling_saves():
    assert Measured(4.0, 1.0, 0.0).share == 0.75
    assert Measured(0.004, 0.001, 0.0, is_real=True).compared() == "1 ms a step compiled, 4 ms eagerly (measured)"
