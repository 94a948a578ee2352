import base64
import hashlib
import json
import subprocess
import sys
import zipfile

import pytest
from click.testing import CliRunner

from corekit import __version__
from corekit.cli import group
from corekit.registry.locking import Entry, written

NORMS = {"layers": {"Norm": "norms:Norm"}}


@pytest.fixture
def run(site, tmp_path, monkeypatch):
    """An environment with one plugin, and a lock file of it."""
    site.install("corekit-norms", NORMS, version="1.2", norms="class Norm: ...\n")
    site.record("corekit-norms", "norms.py", version="1.2")
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(group, ["lock"])
    return lambda *words: CliRunner().invoke(group, ["sync", *words])


def test_what_is_equal_exits_with_0(run):
    result = run("--check")

    assert result.exit_code == 0
    assert result.stdout.startswith(
        "What is installed is what corekit.lock has. Of corekit only the version was compared"
    )
    assert "norms" not in sys.modules


def test_one_changed_byte_is_drift(run, tmp_path):
    (tmp_path / "site" / "norms.py").write_text("class Morn: ...\n")

    result = run()

    assert result.exit_code == 1
    assert result.stdout == (
        "1 difference from corekit.lock:\n"
        "  corekit-norms 1.2: norms.py is not as installed.\n"
        "    pip install --force-reinstall --no-deps corekit-norms==1.2\n"
    )


def test_another_build_of_one_version_is_drift(run, site, tmp_path):
    (tmp_path / "site" / "norms.py").write_text("class Norm: 'built again'\n")
    site.record("corekit-norms", "norms.py", version="1.2")

    assert "corekit-norms 1.2 has other files than the lock's" in run().stdout


def test_every_difference_is_told(run, site, tmp_path):
    site.install("corekit-new", NORMS)
    (tmp_path / "site" / "corekit_norms-1.2.dist-info").rename(tmp_path / "gone")

    result = run()

    assert result.exit_code == 1
    assert result.stdout == (
        "2 differences from corekit.lock:\n"
        "  corekit-new 1.0 is installed, and the lock does not have it.\n"
        "    pip uninstall corekit-new\n"
        "  corekit-norms 1.2 is not installed.\n"
        "    pip install corekit-norms==1.2\n"
    )


def test_json_lists_the_drift(run, site):
    assert json.loads(run("--json").stdout) == {"lock": "corekit.lock", "equal": True, "drift": []}
    site.install("corekit-new", NORMS)

    result = run("--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["equal"] is False
    assert json.loads(result.stdout)["drift"][0]["what"] == "extra"


@pytest.mark.parametrize("words", [[], ["--lock", "other.lock"]])
def test_a_lock_that_is_missing_or_damaged_is_named(run, tmp_path, words):
    (tmp_path / "corekit.lock").write_text("version = ")

    result = run(*words)

    assert result.exit_code == 1
    assert f"lock file {words[1] if words else 'corekit.lock'}" in result.stderr
    assert "corekit lock" in result.stderr


@pytest.mark.parametrize("words", [["--find-links", "site"], ["--install", "--find-links", "nowhere"]])
def test_a_wrong_command_line_exits_with_2(run, words):
    assert run(*words).exit_code == 2


def test_pip_that_fails_leaves_drift(run, tmp_path, monkeypatch):
    asked = []

    def fails(command, **_):
        asked.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(subprocess, "run", fails)
    (tmp_path / "site" / "norms.py").write_text("")
    result = run("--install", "--json")

    assert result.exit_code == 1
    assert result.stderr == "pip ended with code 3.\n"
    assert json.loads(result.stdout)["drift"][0]["what"] == "files"
    assert asked[0][:4] == [sys.executable, "-P", "-m", "pip"]
    assert asked[0][5:] == ["install", "--force-reinstall", "--no-deps", "corekit-norms==1.2"]


def test_pip_is_not_run_where_nothing_differs(run, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("pip was run"))

    assert run("--install").exit_code == 0


def wheel(folder, name, *, version=__version__, head="", **files):
    """Write a wheel of files, given as `name="source"`, with a layer Norm in the module norms."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    content = {f"{file}.py": source for file, source in files.items()}
    content[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{head}"
    content[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    if files:
        content[f"{info}/entry_points.txt"] = "[corekit.layers]\nNorm = norms:Norm\n"
    rows = [f"{info}/RECORD,,"]
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
            rows.append(f"{path},sha256={digest},{len(text)}")
        archive.writestr(f"{info}/RECORD", "\n".join(rows) + "\n")


def test_install_makes_it_so_without_a_network(site, tmp_path, monkeypatch):
    """Into a folder of its own by real pip, which there takes nothing for installed: so corekit has a wheel too."""
    for name in ("wheels", "site"):
        (tmp_path / name).mkdir()
    site.folders.append(tmp_path / "site")
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "site"))
    monkeypatch.chdir(tmp_path)
    wheel(tmp_path / "wheels", "corekit")
    wheel(tmp_path / "wheels", "corekit-norms", norms="class Norm: ...\n")
    components = {"layers": ["corekit-norms:Norm"]}
    lock = [Entry("corekit", __version__), Entry("corekit-norms", __version__, components=components)]
    (tmp_path / "corekit.lock").write_text(written(lock))
    run = CliRunner()

    assert run.invoke(group, ["sync"]).exit_code == 1
    result = run.invoke(group, ["sync", "--install", "--find-links", "wheels"])

    assert result.exit_code == 0, result.output
    assert (tmp_path / "site" / "norms.py").exists()
    assert run.invoke(group, ["lock"]).exit_code == 0  # RECORD is as pip writes it
    assert run.invoke(group, ["sync"]).exit_code == 0
