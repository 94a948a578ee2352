"""What `corekit new` makes: each kind alone and mixes of them are built, installed, linted, typed, tested and used.

Each tool runs once over all packages, since starting torch, mypy or a compiler costs more than a package does. Wheels
are installed into a folder of their own; no index is asked for anything.
"""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from corekit.cli.names import KINDS, plugin_names
from corekit.cli.record import FILE, rendered
from corekit.cli.templates import LICENSES, write

pytestmark = pytest.mark.slow

ALONE = [[kind] for kind in KINDS]
MIXES = [
    ["layer", "op"],
    ["layer", "hooks"],
    ["layer", "optimizer"],
    ["layer", "loss"],
    ["optimizer", "metric"],
    ["optimizer", "hooks"],
    ["loss", "metric"],
    ["loss", "hooks"],
    ["metric", "hooks"],
    ["layer", "loss", "metric"],
    ["optimizer", "loss", "metric"],
    ["layer", "optimizer", "loss", "metric", "hooks"],
    list(KINDS),
]

BUILD = """
import os, sys
from hatchling import build
for folder in sys.argv[2:]:
    os.chdir(folder)
    build.build_wheel(sys.argv[1])
    build.build_sdist(sys.argv[1])
"""

READ = """
import pathlib, re, sys
for path in sys.argv[1:]:
    for block in re.findall(r"```python\\n(.*?)```", pathlib.Path(path).read_text(), re.DOTALL):
        exec(compile(block, path, "exec"), {})
        print("READ", path)
"""


@dataclass(frozen=True)
class Package:
    """A rendered package."""

    name: str
    kinds: list[str]
    folder: Path

    @property
    def source(self) -> Path:
        return self.folder / "src"

    @property
    def tests(self) -> Path:
        return self.folder / "tests"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Package]:
    root = tmp_path_factory.mktemp("packages")
    made = []
    for number, kinds in enumerate(ALONE + MIXES):
        name = ("only-" if len(kinds) == 1 else f"mix{number}-") + "-".join(kinds)[:24].rstrip("-")
        record = rendered(plugin_names(name, kinds), LICENSES[number % len(LICENSES)])
        package = Package(name, kinds, root / f"in_{name.replace('-', '_')}")
        write({**record.files, FILE: record.as_text()}, package.folder)
        made.append(package)
    return made


@pytest.fixture(scope="module")
def built(packages: list[Package], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel and an sdist of each."""
    pytest.importorskip("hatchling", reason="hatchling builds the packages; it is a development dependency")
    folder = tmp_path_factory.mktemp("dist")
    python("-c", BUILD, folder, *(package.folder for package in packages), cwd=folder)
    return folder


@pytest.fixture(scope="module")
def site(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheels."""
    folder = tmp_path_factory.mktemp("site")
    pip = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--no-index")
    python(*pip, "--target", folder, *built.glob("*.whl"), cwd=folder)
    return folder


def start(*words: object, cwd: Path, path: list[Path] | None = None) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path or []))}
    command = [sys.executable, *map(str, words)]
    return subprocess.Popen(
        command, cwd=cwd, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def finished(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output[-10_000:]
    return output


def python(*words: object, cwd: Path, path: list[Path] | None = None) -> str:
    return finished(start(*words, cwd=cwd, path=path))


def test_twelve_mixes_are_tried() -> None:
    assert len(MIXES) >= 12
    assert {kind for mix in MIXES for kind in mix} == set(KINDS)


def test_wheels_hold_the_package_and_its_metadata(packages, built) -> None:
    for package in packages:
        module = package.name.replace("-", "_")
        with zipfile.ZipFile(built / f"{module}-0.1.0-py3-none-any.whl") as wheel:
            names = wheel.namelist()

        assert f"{module}/py.typed" in names
        assert not [name for name in names if FILE in name or "test" in name]
        licensed = "license" in tomllib.loads((package.folder / "pyproject.toml").read_text())["project"]
        assert (f"{module}-0.1.0.dist-info/licenses/LICENSE" in names) == licensed


def test_sdists_hold_the_tests(packages, built) -> None:
    for package in packages:
        module = package.name.replace("-", "_")
        with tarfile.open(built / f"{module}-0.1.0.tar.gz") as sdist:
            names = [name.partition("/")[2] for name in sdist.getnames()]

        assert set(names) >= {f"tests/{path.name}" for path in package.tests.iterdir()}
        assert FILE not in names


def test_sources_are_linted_and_formatted_whatever_the_name(tmp_path) -> None:
    for name in ("q", "my-plugin", "corekit-a-plugin-with-a-rather-long-name"):
        for number, kinds in enumerate(ALONE + MIXES):
            write(rendered(plugin_names(name, kinds), "mit").files, tmp_path / f"{name}-{number}")

    python("-m", "ruff", "check", "--no-cache", tmp_path, cwd=tmp_path)
    python("-m", "ruff", "format", "--no-cache", "--check", tmp_path, cwd=tmp_path)


def test_sources_and_tests_are_strictly_typed(packages, tmp_path) -> None:
    root = packages[0].folder.parent
    bases = [root, *(package.source for package in packages)]
    settings = packages[-1].folder / "pyproject.toml"
    words = ["--config-file", settings, "--explicit-package-bases", "--cache-dir", tmp_path]

    told = subprocess.run(
        [sys.executable, "-m", "mypy", *words, *(p.source for p in packages), *(p.tests for p in packages)],
        cwd=root,
        env={**os.environ, "MYPYPATH": os.pathsep.join(map(str, bases))},
        capture_output=True,
        text=True,
    )

    assert told.returncode == 0, told.stdout + told.stderr


def test_own_tests_pass(packages, site) -> None:
    root = packages[0].folder.parent
    path = [*(package.source for package in packages), site]
    settings = packages[-1].folder / "pyproject.toml"
    alone, mixes = packages[: len(ALONE)], packages[len(ALONE) :]
    # In the mixes the contract leaves out what starts processes or a compiler (seconds each; alone it is tried), and
    # with it the count of what has run.
    costly = ("distributes", "import_budget", "compiles", "exports", "enough")
    brief = ["-k", " and ".join(f"not {check}" for check in costly)]
    batches = []
    for batch, more in ((alone, []), (mixes, brief)):  # side by side, as there are two cores
        folders = [folder for package in batch for folder in (package.source, package.tests)]
        words = ["-q", "-p", "no:cacheprovider", "-c", settings, "--rootdir", root, *more, *folders]
        batches.append(start("-m", "pytest", *words, cwd=root, path=path))

    told = [finished(batch) for batch in batches]

    for one in told:
        assert " passed" in one
        skipped_of_its_own = set(re.findall(r"SKIPPED \[\d+\] in_\S+ (.*)", one))
        assert skipped_of_its_own <= {"no CUDA device"}


def test_readmes_examples_run_by_name(packages, site) -> None:
    readmes = [package.folder / "README.md" for package in packages]

    told = python("-W", "error", "-c", READ, *readmes, cwd=site, path=[site])

    assert told.count("READ ") == sum(len(package.kinds) for package in packages)


def test_op_without_triton_says_what_is_skipped(packages, site) -> None:
    package = next(package for package in packages if package.kinds == ["op"])
    code = "import sys, pytest; sys.modules['triton'] = None; sys.exit(pytest.main(sys.argv[1:]))"
    words = ["-p", "no:cacheprovider", "src", *package.tests.glob("*_triton.py")]

    told = python("-c", code, *words, cwd=package.folder, path=[site])

    assert "Triton is not installed: pip install triton" in told
    assert "1 skipped" in told
