"""How corekit asks pip: what the user's index has, and, where somebody said yes, to install.

The index is whichever pip is configured for, or one folder of wheels. Python is started with -P, so that a pip.py that
lies in the working directory, beside a stranger's file, is not run in pip's place.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from dataclasses import dataclass

import click

from corekit.registry import grammar

PATIENCE = 60  # seconds for an answer of the index
_PIP = [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check"]
_TROUBLE = re.compile(r"WARNING: (Retrying|Could not fetch|\d{3} )")  # an index that is not reached has nothing, too


@dataclass(frozen=True)
class Answer:
    """What the index says of a name.

    Args:
        versions: the newest first; [] where it has none.
        failure: why it could not be asked, in words; "" where it could.
    """

    versions: list[str]
    failure: str = ""


def offline(find_links: str | None) -> list[str]:
    """Return the options that make a folder of wheels the whole index."""
    return ["--no-index", "--find-links", find_links] if find_links else []


def run(words: list[str], find_links: str | None) -> int:
    """Run pip; what it says goes to stderr, since stdout is for the comparison."""
    code = subprocess.run([*_PIP, words[0], *offline(find_links), *words[1:]], stdout=2).returncode
    importlib.invalidate_caches()
    if code:
        click.echo(f"pip ended with code {code}.", err=True)
    return code


def ask(name: str, find_links: str | None, *, pre: bool = False) -> Answer:
    """Return which versions of a distribution the index has. Nothing is downloaded but lists.

    Args:
        name: by the grammar of names: see `grammar.is_name`.
        find_links: a folder of wheels that is asked in the index's place.
        pre: whether releases before a final one count.
    """
    assert grammar.is_name(name)
    options = [*offline(find_links), "--retries", "1", "--no-input", *(["--pre"] if pre else [])]
    try:
        done = subprocess.run(
            [*_PIP, "index", "versions", *options, name],
            capture_output=True, stdin=subprocess.DEVNULL, text=True, errors="replace", timeout=PATIENCE,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Answer([], f"it gave no answer in {PATIENCE} seconds")
    if done.returncode == 0:
        found = re.search(r"^Available versions: (.*)$", done.stdout, re.MULTILINE)
        return Answer(grammar.newest_first(found[1].split(", "))) if found else Answer([], "pip's answer has no list")
    if "No module named pip" in done.stderr:
        return Answer([], "this Python has no pip; it gets one by  python -m ensurepip")
    trouble = [line for line in done.stderr.splitlines() if _TROUBLE.match(line)]
    if "No matching distribution" in done.stderr and not trouble:
        return Answer([])
    return Answer([], next(iter(trouble or done.stderr.splitlines()[-1:]), f"pip ended with code {done.returncode}"))
