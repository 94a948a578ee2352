"""Three-way merge of texts, by `git merge-file`: what changed on both sides is shown with markers, not decided.

Why git: it is the merge that people know, authors of plugins have it, it needs no repository, and the Python packages
that could do the same are under the GPL or stop at the first conflict.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from corekit.errors import CorekitError

_MARKER = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)


class Merged(NamedTuple):
    """A merged text, and whether it holds conflicts."""

    text: str
    conflicts: bool


def has_markers(text: str) -> bool:
    """Return whether a text holds conflicts that nobody has settled.

    Example:
        >>> has_markers("<<<<<<< yours\\n"), has_markers("a <<<<<<< b\\n")
        (True, False)
    """
    return _MARKER.search(text) is not None


def merge(mine: str, base: str, theirs: str, *, label: str) -> Merged:
    """Carry what has changed from `base` to `theirs` into `mine`; line ends stay as they are in `mine`.

    Args:
        mine: the text as it is.
        base: what both come from.
        theirs: the text with the changes.
        label: what the markers call `theirs`.

    Raises:
        CorekitError: git is not installed, or fails.

    Example:
        >>> merge("one\\ntwo\\nthree\\nmine\\n", "one\\ntwo\\nthree\\n", "1\\ntwo\\nthree\\n", label="new").text
        '1\\ntwo\\nthree\\nmine\\n'
    """
    if mine in (base, theirs) or base == theirs:
        return Merged(theirs if mine == base else mine, False)
    git = shutil.which("git")
    if git is None:
        raise CorekitError(
            "a file that you have changed is to be merged, which git does, and git is not installed.\n"
            "  Install it, for example  apt install git  or  brew install git.  Nothing was changed."
        )
    ends = "\r\n" if "\r\n" in mine else "\n"
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("mine", "base", "theirs")]
        for path, text in zip(paths, (mine, base, theirs), strict=True):
            path.write_text(text.replace("\r\n", "\n"), encoding="utf-8", newline="\n")
        labels = ("-L", "yours", "-L", "as it was rendered", "-L", label)
        command = [git, "merge-file", "--stdout", "--diff3", *labels, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, cwd=folder)
    if done.returncode > 127:  # up to there it is the number of conflicts
        raise CorekitError(f"git merge-file failed, and nothing was changed: {done.stderr.decode(errors='replace')}")
    text = done.stdout.decode("utf-8")
    return Merged(text.replace("\n", ends) if ends != "\n" else text, done.returncode > 0)
