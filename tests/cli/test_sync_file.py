"""`corekit sync FILE`: with pip, and a folder of wheels for an index, wherever something is installed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import corekit as ck
from corekit.cli import group, installer, sync_file
from corekit.registry import locking, registry
from tests.cli.imported import heavy_after
from tests.cli.test_inspect import NORM
from tests.cli.test_sync import wheel
from tests.saving.test_format import rewrite

LAYER = NORM.replace("\n    ", "\n")
KNOWN = "corekit-layers-basic"


@pytest.fixture
def file(site, tmp_path, monkeypatch):
    """A model saved with a-norm 2.0, which is not here any more; pip would install into the site of the test."""
    site.install("a-norm", {"layers": {"Norm": "norms:Norm"}}, version="2.0", norms=NORM)
    ck.Sequential([ck.Input((4,)), ck.layer("a-norm:Norm")]).save(tmp_path / "m.safetensors")
    uninstall(tmp_path)
    (tmp_path / "wheels").mkdir()
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "site"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "m.safetensors"


def uninstall(tmp_path):
    for path in (tmp_path / "site").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    sys.modules.pop("norms", None)
    registry.refresh()


def sync(file, *words, **how):
    return CliRunner().invoke(group, ["sync", str(file), "--find-links", "wheels", *words], **how)


def named(file, id, version="2.0"):
    """Let the file name one part, of a distribution that it says was of a version."""

    def change(entries, inner):
        inner["architecture"]["layers"][0][1].update(id=id)
        inner["requires"] = {id.rpartition(":")[0]: version}

    rewrite(file, change)


@pytest.fixture
def pip(monkeypatch):
    """What pip was asked to install; it does nothing. With the constraints that it was given."""
    asked = []

    def run(words, find_links):
        constraints = words.pop(words.index("--constraint") + 1)
        asked.append([word for word in words if word != "--constraint"])
        asked.append(Path(constraints).read_text().splitlines())
        return 0

    monkeypatch.setattr(installer, "run", run)
    return asked


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(sync_file, "_is_at_a_terminal", lambda: True)


def test_lock_brings_what_the_file_needs(file, tmp_path):
    wheel(tmp_path / "wheels", "a-norm", version="1.2", norms=LAYER)
    wheel(tmp_path / "wheels", "a-norm", version="2.0", norms=LAYER)
    components = {"layers": ["a-norm:Norm"]}
    entries = [locking.Entry("a-norm", "1.2", components=components), locking.Entry("b-other", "1.0")]
    (tmp_path / "corekit.lock").write_text(locking.written(entries))

    result = sync(file, "--yes")

    assert result.exit_code == 0, result.output
    assert "corekit.lock has 1.2. The file was saved with 2.0." in result.stdout
    assert result.stdout.endswith("\nAll that the file names is here now.\n")
    assert ck.load_model(file).layers[0].weights[0].shape == (4,)
    assert registry.find("layers", "a-norm:Norm").version == "1.2"
    assert sync(file).exit_code == 0


def test_yes_is_not_for_what_only_the_file_names(file, tmp_path):
    wheel(tmp_path / "wheels", "a-norm", version="2.0", norms="open('was-run', 'w')\n")

    result = sync(file, "--yes")

    assert result.exit_code == 1
    assert "Named by the file, not verified.\n    Your index has 2.0." in result.stdout
    assert "--find-links wheels --yes --trust NAME" in result.stdout
    assert list((tmp_path / "site").iterdir()) == []


def test_trusted_name_is_installed_as_it_was_saved_with(file, tmp_path):
    for version in ("2.0", "3.0"):
        wheel(tmp_path / "wheels", "a-norm", version=version, norms=LAYER)

    result = sync(file, "--yes", "--trust", "A_Norm")

    assert result.exit_code == 0, result.output
    assert registry.find("layers", "a-norm:Norm").version == "2.0"
    assert "norms" not in sys.modules
    assert sync(file, "--yes", "--trust", "a-norm").exit_code == 0  # once more changes nothing, and is no mistake


def test_standard_one_comes_as_it_fits_this_corekit(file, tmp_path):
    """Neither the file's version, which a stranger chose, nor the index's newest, which is for another corekit."""
    for version in ("0.0.1", ck.__version__, "99.0"):
        wheel(tmp_path / "wheels", "corekit", version=version)
        head = f"Requires-Dist: corekit~={version}\n"
        wheel(tmp_path / "wheels", KNOWN, version=version, head=head, norms=LAYER)
    named(file, f"{KNOWN}:Norm", "0.0.1")

    result = sync(file, "--yes")

    assert result.exit_code == 0, result.output
    assert registry.find("layers", f"{KNOWN}:Norm").version == ck.__version__


def test_pip_that_fails_leaves_the_file_unmet(file, tmp_path):
    wheel(tmp_path / "wheels", "a-norm", version="2.0", norms=LAYER)
    (tmp_path / "wheels" / "a_norm-2.0-py3-none-any.whl").write_bytes(b"damaged")

    result = sync(file, "--yes", "--trust", "a-norm")

    assert result.exit_code == 1
    assert "pip ended with code" in result.stderr
    assert "Still not here:\n  a-norm 2.0: not here (layers a-norm:Norm)." in result.stdout


def test_what_comes_along_changes_nothing_that_is_here(file, site, tmp_path):
    """A stranger's plugin could ask for an old release of something else."""
    site.install("b-here", {}, version="2.0")
    for version in ("1.0", "2.0"):
        wheel(tmp_path / "wheels", "b-here", version=version)
    wheel(tmp_path / "wheels", "a-norm", version="2.0", head="Requires-Dist: b-here<2\n", norms=LAYER)

    assert sync(file, "--yes", "--trust", "a-norm").exit_code == 1
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["b_here-2.0.dist-info"]


def test_another_build_than_the_locks_is_told(file, tmp_path):
    wheel(tmp_path / "wheels", "a-norm", version="2.0", norms=LAYER)
    entry = locking.Entry("a-norm", "2.0", "0" * 64, components={"layers": ["a-norm:Norm"]})
    (tmp_path / "corekit.lock").write_text(locking.written([entry]))

    result = sync(file, "--yes")

    assert result.exit_code == 1
    assert "a-norm 2.0 has other files than the lock's: another build of it." in result.stdout


def test_nothing_is_installed_without_a_terminal_or_yes(file, pip, monkeypatch):
    monkeypatch.setattr(installer, "ask", lambda *_, **__: installer.Answer(["2.0"]))

    assert sync(file, input="y\na-norm\n").exit_code == 1
    assert sync(file, "--trust", "a-norm", input="y\na-norm\n").exit_code == 1
    assert sync(file, "--json", input="y\na-norm\n").exit_code == 1
    assert pip == []


def test_check_asks_nothing_at_a_terminal(file, pip, terminal):
    assert sync(file, "--check", "--trust", "a-norm", input="y\na-norm\n").exit_code == 1
    assert pip == []


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [("a-norm\n", ["install", "a-norm==2.0"]), ("\n", []), ("y\nyes\n\n", []), ("A-norm\n\n", []), ("", [])],
)
def test_name_has_to_be_typed(file, pip, terminal, monkeypatch, typed, wanted):
    monkeypatch.setattr(installer, "ask", lambda *_, **__: installer.Answer(["2.0"]))

    sync(file, input=typed)

    assert pip[:1] == ([wanted] if wanted else [])


@pytest.mark.parametrize(("typed", "wanted"), [("y\n", ["install", KNOWN]), ("n\n", []), ("\n", [])])
def test_one_yes_is_for_all_that_is_known(file, pip, terminal, monkeypatch, typed, wanted):
    monkeypatch.setattr(installer, "ask", lambda *_, **__: installer.Answer(["0.1.0"]))
    named(file, f"{KNOWN}:Dense")

    sync(file, input=typed)

    assert pip[:1] == ([wanted] if wanted else [])


def test_trust_in_what_looks_like_it_installs_nothing(file, pip, monkeypatch):
    monkeypatch.setattr(installer, "ask", lambda *_, **__: installer.Answer(["2.0"]))
    named(file, "a-n0rm:Norm")

    result = sync(file, "--yes", "--trust", "a-norm")

    assert result.exit_code == 1
    assert "It asks for a-n0rm, which is another" in result.stderr
    assert pip == []


def test_thousands_of_names_hide_nothing_that_is_on_offer(file, tmp_path, pip, monkeypatch):
    monkeypatch.setattr(installer, "ask", lambda *_, **__: installer.Answer([]))

    def change(entries, inner):
        layers = inner["architecture"]["layers"]
        layers += [[f"n{number}", {"id": f"a-{number:05}:Norm"}] for number in range(10_000)]
        layers += [["known", {"id": "z-norm:Norm"}]]

    rewrite(file, change)
    (tmp_path / "corekit.lock").write_text(locking.written([locking.Entry("z-norm", "1.2")]))

    result = sync(file, "--yes")

    assert pip[0] == ["install", "z-norm==1.2"]
    assert "z-norm: not here (layers z-norm:Norm).\n    corekit.lock has 1.2.\n" in result.stdout
    assert "... and 9,951 more" in result.stdout
    assert result.stdout.count("\n") < 250


HOSTILE = [
    "-r x", "--index-url=http://a", "-e .", "a b", "a;b", "$(a)", "`a`", "a\nb", "./a", "../a", "git+https://a/b",
    "a.zip", "a==1", "a[b]", "A-norm", "a_norm", "\x1b[2Jcorekit", "\u202ekerok", "corekit-l\u0430yers-basic",
    "a" * 5_000, "", "a\0b",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_name_reaches_no_command_line(file, monkeypatch, name):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a program was run"))
    named(file, f"{name}:Norm")

    result = sync(file, "--yes")

    assert result.exit_code == 1, result.output
    assert "That is not the name of a distribution" in result.stdout
    assert result.stdout.isascii()
    assert result.stdout.replace("\n", "").isprintable()
    assert len(result.stdout) < 1_000


@pytest.mark.parametrize("version", ["-r x", "2 --index-url=http://a", "1+a.zip", "*", "\x1b[2J2", "1;a", "2.\u0660"])
def test_hostile_version_reaches_no_command_line(file, pip, monkeypatch, version):
    monkeypatch.setattr(installer, "ask", lambda *_, **__: installer.Answer(["3.0"]))
    named(file, "a-norm:Norm", version)

    result = sync(file, "--yes", "--trust", "a-norm")

    assert pip[0] == ["install", "a-norm==3.0"]
    assert result.stdout.isascii()
    assert result.stdout.replace("\n", "").isprintable()


def test_what_is_here_keeps_its_version(file, site, tmp_path, pip, monkeypatch):
    monkeypatch.setattr(installer, "ask", lambda *_, **__: installer.Answer(["2.0"]))
    site.install("b-here", {}, version="1.0")
    site.install("c-odd", {}, version="as-it-is")
    entries = [locking.Entry("b-here", "9"), locking.Entry("d-locked", "3.0")]
    (tmp_path / "corekit.lock").write_text(locking.written(entries))

    sync(file, "--yes", "--trust", "a-norm")

    assert pip[1] == ["b-here==1.0", f"corekit=={ck.__version__}", "d-locked==3.0"]


def test_another_version_is_told_and_does_not_hinder(file, site):
    site.install("a-norm", {"layers": {"Norm": "norms:Norm"}}, version="2.1")
    registry.refresh()

    result = sync(file)

    assert result.exit_code == 0
    assert "a-norm 2.0: 2.1 is here, and all that the file names of it.\n" in result.stdout


def test_class_of_a_program_has_nothing_to_install(file):
    named(file, "local:Norm")

    result = sync(file)

    assert result.exit_code == 1
    assert "There is nothing to install: import the program that registers it" in result.stdout


@pytest.mark.parametrize("disable", ["a-norm", "a-norm:Norm"])
def test_disabled_part_shows_the_line_that_allows_it(file, site, tmp_path, pip, disable):
    site.install("a-norm", {"layers": {"Norm": "norms:Norm"}}, version="2.0")
    (tmp_path / "pyproject.toml").write_text(before := f'[tool.corekit]\ndisable = ["{disable}"]\n')
    registry.refresh()

    result = sync(file, "--yes")

    assert result.exit_code == 1
    assert f"To allow it:\n    corekit enable {disable}\n" in result.stdout
    assert (tmp_path / "pyproject.toml").read_text() == before
    assert pip == []


def test_json_says_what_and_from_where(file, tmp_path):
    (tmp_path / "corekit.lock").write_text(locking.written([locking.Entry("a-norm", "1.2")]))

    result = sync(file, "--json")

    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (told["complete"], told["lock"], told["asked_of_pip"]) == (False, "corekit.lock", [])
    assert told["needs"] == [
        {
            "distribution": "a-norm", "version": "2.0", "installed": "", "state": "missing",
            "absent": [{"kind": "layers", "id": "a-norm:Norm", "state": "missing"}], "source": "lock",
            "offer": "a-norm==1.2", "trusted": True, "index": [],
            "told": ["corekit.lock has 1.2. The file was saved with 2.0."],
        }
    ]  # fmt: skip


def test_lock_that_is_named_has_to_be_there(file):
    assert "there is no lock file gone.lock" in sync(file, "--lock", "gone.lock").stderr


def test_file_that_is_none_is_told(file, tmp_path):
    file.write_bytes(b"no model")

    assert sync(file).exit_code == 1
    assert "LoadError" in sync(file).stderr
    assert "cannot be opened: No such file" in sync(tmp_path / "gone").stderr


@pytest.mark.parametrize("words", [["m", "--install"], ["m", "--check", "--yes"], ["--yes"], ["--trust", "a"]])
def test_a_wrong_command_line_exits_with_2(words):
    assert CliRunner().invoke(group, ["sync", *words]).exit_code == 2


def test_no_torch_and_no_plugin_is_imported(file):
    said, heavy = heavy_after("sync", "--find-links", "wheels", file)

    assert "a-norm 2.0: not here" in said
    assert heavy == "set()"
