"""The tutorials do what they say: every block is run, in order, in an environment of its own.

A block that begins with "```console" has commands after "$ ", each followed by what it prints ("..." stands for
anything); "```python PATH" is a file to write; "```python" is a program.
"""

import doctest
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
TUTORIALS = ["write-a-layer.md", "write-an-optimizer.md", "write-an-op.md"]
BLOCK = re.compile(r"^```(\w+)(?: +(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture
def environment(tmp_path):
    """Variables of an empty environment that sees what is installed in this one; pip asks no network."""
    home = tmp_path / "environment"
    venv.create(home)
    packages = next(home.glob("lib/*/site-packages")) if os.name != "nt" else home / "Lib" / "site-packages"
    mine = next(path for path in sys.path if path.endswith("site-packages"))
    packages.joinpath("outer.pth").write_text(f"import site; site.addsitedir({mine!r})\n")
    command = home / "bin" / "corekit"
    command.write_text('#!/bin/sh\nexec python -m corekit "$@"\n')
    command.chmod(0o755)
    pip = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}  # 0: do not isolate, as pip reads it
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "COLUMNS": "120", "OMP_WAIT_POLICY": "PASSIVE"}
    own = {"PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}", "COREKIT_CACHE": str(tmp_path / "cache")}
    return {**os.environ, **pip, **quiet, **own}


class Reader:
    """Runs the blocks of a page one after the other."""

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment

    def run(self, *command):
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return done.returncode, done.stdout

    def console(self, lines):
        for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", lines, re.MULTILINE):
            if command.startswith("cd "):
                self.folder = self.folder / command.removeprefix("cd ")
                continue
            code, output = self.run("sh", "-c", command)
            assert code == 0, f"$ {command}\n{output}"
            assert doctest.OutputChecker().check_output(expected, output, FLAGS), f"$ {command}\n{output}"

    def file(self, path, text):
        assert (self.folder / path).parent.is_dir(), f"{path}: the folder is not there"
        (self.folder / path).write_text(text)

    def program(self, text):
        code, output = self.run("python", "-W", "error", "-c", text)
        assert code == 0, f"{text}\n{output}"


@pytest.mark.slow
@pytest.mark.parametrize("page", TUTORIALS)
def test_every_block_does_what_it_says(page, tmp_path, environment):
    reader = Reader(tmp_path, environment)
    blocks = BLOCK.findall((DOCS / page).read_text())

    for language, path, text in blocks:
        if language == "console":
            reader.console(text)
        elif path:
            reader.file(path, text)
        else:
            assert language == "python", f"a block of {language} is not run"
            reader.program(text)


@pytest.mark.parametrize("page", TUTORIALS)
def test_a_page_has_blocks_of_every_kind(page):
    kinds = {(language, bool(path)) for language, path, _ in BLOCK.findall((DOCS / page).read_text())}

    assert {("console", False), ("python", True), ("python", False)} <= kinds
