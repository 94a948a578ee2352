"""What is refused before anything is built from it: damage, and files that only look like ours."""

import hashlib
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import corekit as ck
from corekit.errors import LoadError, SaveError
from corekit.saving import format as files


def parts(path: Path) -> tuple[dict[str, Any], bytes]:
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def rewrite(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None], *, header: str | None = None) -> None:
    """Change a file's header and metadata, and make the header's digest true again."""
    entries, data = parts(path)
    inner = json.loads(entries["__metadata__"]["corekit"])
    change(entries, inner)
    inner["header_sha256"] = "0" * 64
    entries["__metadata__"]["corekit"] = files.canonical(inner).decode()
    text = files.canonical(entries) if header is None else header.encode()
    digest = hashlib.sha256(text).hexdigest().encode()
    text = re.sub(rb'(header_sha256\\":\\")0{64}', lambda match: match[1] + digest, text)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def code_of(path: Path) -> str:
    with pytest.raises(LoadError) as caught:
        ck.load_model(path)
    return caught.value.code


def nothing(entries: dict[str, Any], inner: dict[str, Any]) -> None:
    """Change nothing."""


def test_a_rewritten_file_still_loads(saved: Path) -> None:
    rewrite(saved, nothing)

    assert ck.load_model(saved).built


def test_every_flipped_bit_is_refused(saved: Path) -> None:
    whole = saved.read_bytes()
    chance = random.Random(0)
    for _ in range(300):
        position = chance.randrange(len(whole))
        damaged = bytearray(whole)
        damaged[position] ^= 1 << chance.randrange(8)
        saved.write_bytes(damaged)

        assert code_of(saved) in ("damaged", "not-corekit", "newer-format"), position


def test_a_damaged_tensor_is_named(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    entries, data = parts(saved)
    content[len(content) - len(data) + entries["scale_1.offset"]["data_offsets"][0]] ^= 1
    saved.write_bytes(content)

    with pytest.raises(LoadError, match=r"'scale_1\.offset' is damaged.*Nothing was loaded"):
        ck.load_model(saved)


@pytest.mark.parametrize("size", [0, 5, 8, 100, -1])
def test_a_cut_file_is_refused(saved: Path, size: int) -> None:
    saved.write_bytes(saved.read_bytes()[:size])

    assert code_of(saved) in ("damaged", "not-corekit")


def test_bytes_after_the_end_are_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes() + b"x")

    assert code_of(saved) == "damaged"


def test_a_plain_safetensors_file_is_told_apart(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    torch = pytest.importorskip("torch")
    safetensors.save_file({"weight": torch.ones(2)}, tmp_path / "plain.safetensors")

    with pytest.raises(LoadError, match="not one that corekit wrote"):
        ck.load_model(tmp_path / "plain.safetensors")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert code_of(tmp_path / "none.safetensors") == "not-found"


def test_a_newer_format_says_upgrade(saved: Path) -> None:
    entries, data = parts(saved)
    inner = json.loads(entries["__metadata__"]["corekit"])
    inner["format"] = files.FORMAT + 1
    entries["__metadata__"]["corekit"] = files.canonical(inner).decode()
    text = files.canonical(entries)
    saved.write_bytes(len(text).to_bytes(8, "little") + text + data)

    with pytest.raises(LoadError, match="pip install --upgrade corekit"):
        ck.load_model(saved)


JSON = {
    "duplicate": '{"a": 1, "a": 2}',
    "nan": '{"a": NaN}',
    "infinity": '{"a": Infinity}',
    "deep": '{"a": ' + "[" * 70 + "]" * 70 + "}",
    "huge": '{"a": 1' + "0" * 30 + "}",
    "no object": "[1]",
    "surrogate": '{"a": "\udcff"}',
}


@pytest.mark.parametrize("text", JSON.values(), ids=JSON)
def test_json_with_two_meanings_is_refused(text: str) -> None:
    with pytest.raises(LoadError, match="header cannot be read"):
        files.strict_json(text.encode("utf-8", "surrogatepass"), "file")


CHANGES: dict[str, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    "overlap": lambda entries, inner: entries["scale.offset"].update(data_offsets=[0, 4]),
    "wrong shape": lambda entries, inner: entries["scale.scale"].update(shape=[4]),
    "negative size": lambda entries, inner: entries["scale.scale"].update(shape=[-3]),
    "true as size": lambda entries, inner: entries["scale.offset"].update(shape=[True]),
    "unknown dtype": lambda entries, inner: entries["scale.scale"].update(dtype="F4"),
    "unknown field": lambda entries, inner: entries["scale.scale"].update(file="/etc/passwd"),
    "missing hash": lambda entries, inner: inner["hashes"].pop("scale.scale"),
    "further hash": lambda entries, inner: inner["hashes"].update(more="0"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_tensors_that_do_not_fit_are_refused(saved: Path, change: str) -> None:
    rewrite(saved, CHANGES[change])

    assert code_of(saved) == "damaged"


def test_a_failed_write_keeps_the_old_file(model: ck.Sequential, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SaveError, match=r"No space left.*untouched"):
        model.save(saved)

    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_saving_keeps_the_files_mode(model: ck.Sequential, saved: Path) -> None:
    saved.chmod(0o640)

    model.save(saved)

    assert saved.stat().st_mode & 0o777 == 0o640


def test_equal_models_give_equal_files(model: ck.Sequential, saved: Path) -> None:
    model.save(saved.with_name("again.safetensors"))

    assert saved.with_name("again.safetensors").read_bytes() == saved.read_bytes()
