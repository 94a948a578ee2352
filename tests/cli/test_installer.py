import subprocess

import pytest

from corekit.cli import installer
from tests.cli.test_sync import wheel


def test_index_tells_versions_the_newest_first(tmp_path):
    for version in ("0.9", "0.10", "1.0rc1"):
        wheel(tmp_path, "corekit-norms", version=version)

    assert installer.ask("corekit-norms", str(tmp_path)) == installer.Answer(["0.10", "0.9"])
    assert installer.ask("corekit-norms", str(tmp_path), pre=True).versions == ["1.0rc1", "0.10", "0.9"]


def test_index_that_has_nothing_says_so(tmp_path):
    assert installer.ask("corekit-norms", str(tmp_path)) == installer.Answer([])


def test_index_that_is_not_reached_is_no_index_that_has_nothing(monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "5")

    answer = installer.ask("corekit-nobody-has-this", None)

    assert answer.versions == []
    assert "Retrying" in answer.failure


def test_pip_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(installer, "PATIENCE", 0.01)

    assert "no answer" in installer.ask("corekit-norms", str(tmp_path)).failure


def test_pip_that_is_not_there_is_told(monkeypatch):
    done = subprocess.CompletedProcess([], 1, "", "python: No module named pip\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)

    assert installer.ask("corekit-norms", None).failure == "this Python has no pip; it gets one by  python -m ensurepip"


def test_pip_beside_the_file_is_not_run(tmp_path, monkeypatch):
    """Who unpacks a stranger's archive and works in it has the stranger's pip.py in the working directory."""
    (tmp_path / "pip.py").write_text("open('was-run', 'w')")
    (tmp_path / "wheels").mkdir()
    monkeypatch.chdir(tmp_path)

    assert installer.ask("corekit-norms", "wheels") == installer.Answer([])
    assert installer.run(["list"], None) == 0
    assert not (tmp_path / "was-run").exists()


def test_only_names_are_asked_for():
    with pytest.raises(AssertionError):
        installer.ask("--index-url=x", None)
