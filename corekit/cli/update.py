"""Brings a newer template into a plugin package that was made from an older one. Nothing of the author's is lost."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from corekit import __version__
from corekit.cli import merging, record, writing
from corekit.cli.record import FILE, Record
from corekit.errors import ArgumentError, CorekitError
from corekit.registry.requirements import complaint

TOLD = {
    "added": "new in the template",
    "updated": "as in the template, as you had not changed it",
    "merged": "the template's changes beside yours",
    "conflict": "changed by the template and by you in one place: look for <<<<<<<",
    "kept": "yours; the template has a file of that name now, which was left out",
    "deleted": "you deleted it, so the template's was left out",
    "dropped": "no longer in the template; yours stays",
}
"""What can become of a file -> in words."""


@dataclass(frozen=True)
class Change:
    """What becomes of a file.

    Args:
        path: inside the package.
        what: a key of `TOLD`.
        text: what is to be written; None where the file stays as it is.
    """

    path: str
    what: str
    text: str | None = None


@dataclass(frozen=True)
class Update:
    """An update of a package, not yet written.

    Args:
        folder: the package.
        old: how it was rendered.
        new: how it would be rendered now.
        changes: what becomes of its files, as far as there is something to tell.
    """

    folder: Path
    old: Record
    new: Record
    changes: list[Change]

    @property
    def conflicts(self) -> list[str]:
        """The files that somebody has to look at."""
        return [change.path for change in self.changes if change.what == "conflict"]

    def write(self) -> None:
        """Write each file whole or not at all, and the record last: an update that was cut off can be run again."""
        for change in self.changes:
            if change.text is not None:
                writing.replace(os.fspath(self.folder / change.path), change.text.encode())
        if self.new != self.old:
            writing.replace(os.fspath(self.folder / FILE), self.new.as_text().encode())


def update(folder: Path) -> Update:
    """Find out what a package needs to be as from today's template; writes nothing.

    Raises:
        ArgumentError: it has conflicts of an earlier update, or a file that is no text.
        CorekitError: its record is missing or damaged, or a newer corekit made it.
    """
    old = record.read(folder)
    _refuse_newer(old)
    new = record.rendered(old.names, old.license)
    paths = sorted({*old.files, *new.files})
    mine = {path: _text(folder / path) for path in paths}
    unsettled = [path for path, text in mine.items() if text is not None and merging.has_markers(text)]
    if unsettled:
        raise ArgumentError(
            f"there are conflicts of an earlier update in {', '.join(unsettled)}, and nothing was changed.\n"
            "  Settle them first: choose between the lines after <<<<<<< and those after =======."
        )
    changes = [_change(path, mine[path], old.files.get(path), new.files.get(path)) for path in paths]
    return Update(folder, old, new, [change for change in changes if change is not None])


def _change(path: str, mine: str | None, base: str | None, theirs: str | None) -> Change | None:
    """Return what becomes of one file; None where there is nothing to tell."""
    if theirs is None:
        return None if mine is None else Change(path, "dropped")
    if base is None:
        if mine is None:
            return Change(path, "added", theirs)
        return None if mine == theirs else Change(path, "kept")
    if mine is None:
        return Change(path, "deleted")
    if theirs in (base, mine):
        return None
    if mine == base:
        return Change(path, "updated", theirs)
    merged = merging.merge(mine, base, theirs, label=f"corekit {__version__}")
    if merged.conflicts:
        return Change(path, "conflict", merged.text)
    return None if merged.text == mine else Change(path, "merged", merged.text)


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{path} cannot be read as text ({error}), and nothing was changed.") from error


def _refuse_newer(old: Record) -> None:
    reason = complaint([f"corekit>={old.version}"], {"corekit": __version__})
    if reason:
        raise CorekitError(f"the template that this package is from is newer than corekit here: {reason}")
