"""A lock file: which plugins are installed, in which version, with which files; and how what is installed differs.

The file is TOML with one fact a line, sorted, without paths and times, so that two locks differ where environments do.
What hooks add is not in it: nobody knows that before they run. A plugin with compiled files has other ones on another
platform, so its lock holds for one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from corekit import __version__
from corekit.errors import ArgumentError
from corekit.registry import discovery, environment, grammar, looking, metadata
from corekit.registry.component import canonical, described
from corekit.registry.contents import contents
from corekit.registry.looking import PREFIX, Found
from corekit.registry.toml import quoted

FORMAT = 1
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")  # becomes a word of a command line, as names do
_HASH = re.compile(r"([0-9a-f]{64})?")


@dataclass(frozen=True)
class Entry:
    """One distribution in a lock file.

    Args:
        name: canonical.
        version: exactly.
        sha256: of its files (see `contents`); "" where nobody knows which they are.
        editable: whether it was installed from a folder that somebody works on.
        components: kind -> ids.
    """

    name: str
    version: str
    sha256: str = ""
    editable: bool = False
    components: dict[str, list[str]] = field(default_factory=dict)

    @property
    def pin(self) -> str:
        """What pip is asked for to get it."""
        return f"{self.name}=={self.version}" if self.version else self.name


@dataclass(frozen=True)
class Installed:
    """One distribution that is installed, and what is wrong with its files, in a sentence; "" where nothing is."""

    entry: Entry
    fault: str = ""


def installed() -> list[Installed]:
    """Return corekit and every plugin that is installed, sorted by name. Imports none."""
    components: dict[str, dict[str, list[str]]] = {}
    for component in discovery.scan().components:
        components.setdefault(component.distribution, {}).setdefault(component.kind, []).append(component.id)
    found = [one for plugin in looking.look(environment.search_path()).plugins for one in _read(plugin, components)]
    if not any(one.entry.name == "corekit" for one in found):  # it is run from a folder, without metadata
        found.append(Installed(Entry("corekit", __version__)))
    return sorted(found, key=lambda one: one.entry.name)


def _read(found: Found, components: dict[str, dict[str, list[str]]]) -> Iterable[Installed]:
    try:
        groups = metadata.groups_of(found.entry_points, PREFIX)
        if not groups and found.name != "corekit":  # which is found by its command, corekit.cli:main
            return
        head = metadata.head_of(found.read_metadata())
    except ValueError as error:
        fault = f"its metadata in {found.where} cannot be read ({described(error)})"
        yield Installed(Entry(found.name, environment.version_of(found.where)), fault)
        return
    name = canonical(head.name)
    targets = {target for entries in groups.values() for target in entries.values()}
    modules = sorted({re.split(r"[.:]", target)[0].strip() for target in targets} or {name})
    files = contents(found.where, modules)
    fault = ""
    if files.changed:
        fault = f"{', '.join(files.changed)} {'are' if len(files.changed) > 1 else 'is'} not as installed"
    elif not (grammar.NAME.fullmatch(name) and _VERSION.fullmatch(head.version)):
        fault = "pip cannot be asked for a distribution of that name and version"
    yield Installed(Entry(name, head.version, files.sha256, files.editable, components.get(name, {})), fault)


def written(entries: Iterable[Entry]) -> str:
    """Return the text of a lock file.

    Example:
        >>> print(written([Entry("corekit-norms", "1.2", components={"layers": ["corekit-norms:Norm"]})]))
        # Written by `corekit lock`; `corekit sync` compares it with what is installed. Do not edit.
        version = 1
        <BLANKLINE>
        [[distribution]]
        name = "corekit-norms"
        version = "1.2"
        sha256 = ""
        <BLANKLINE>
        [distribution.components]
        layers = [
          "corekit-norms:Norm",
        ]
        <BLANKLINE>
    """
    lines = [
        "# Written by `corekit lock`; `corekit sync` compares it with what is installed. Do not edit.",
        f"version = {FORMAT}",
    ]
    for entry in sorted(entries, key=lambda entry: entry.name):
        lines += ["", "[[distribution]]", f"name = {quoted(entry.name)}", f"version = {quoted(entry.version)}"]
        lines += [f"sha256 = {quoted(entry.sha256)}", *(["editable = true"] if entry.editable else [])]
        if entry.components:
            lines += ["", "[distribution.components]"]
        for kind, ids in sorted(entry.components.items()):
            lines += [f"{kind} = [", *(f"  {quoted(id)}," for id in sorted(ids)), "]"]
    return "\n".join(lines) + "\n"


def read(path: str) -> list[Entry]:
    """Return what a lock file lists.

    Raises:
        ArgumentError: it is missing, damaged, or of another version.
    """
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except FileNotFoundError as error:
        raise ArgumentError(
            f"there is no lock file {path}.\n  Write one of what is installed:  corekit lock"
        ) from error
    except OSError as error:
        raise ArgumentError(f"the lock file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    if "version" in table and table["version"] != FORMAT:
        raise ArgumentError(
            f"the lock file {path} is of version {table['version']!r}, and this corekit {__version__} reads {FORMAT}.\n"
            "  Use the corekit that wrote it, or write it anew from what is installed:  corekit lock"
        )
    if "version" not in table or not isinstance(table.get("distribution"), list):
        raise _damaged(path, 'expected "version" and tables [[distribution]]')
    entries = [_entry(path, number, one) for number, one in enumerate(table["distribution"], start=1)]
    names = [entry.name for entry in entries]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise _damaged(path, f"it lists {twice[0]} twice")
    return entries


def _entry(path: str, number: int, table: Any) -> Entry:
    match table:
        case {"name": str(name), "version": str(version), "sha256": str(sha256)} if (
            grammar.NAME.fullmatch(name) and _VERSION.fullmatch(version) and _HASH.fullmatch(sha256)
        ):
            editable, components = table.get("editable", False), table.get("components", {})
        case _:
            raise _damaged(path, f'[[distribution]] number {number} needs "name", "version" and "sha256", as in a lock')
    if not isinstance(editable, bool) or not isinstance(components, dict) or not all(map(_is_ids, components.values())):
        raise _damaged(path, f'"editable" or "components" of {name} is not as in a lock')
    return Entry(name, version, sha256, editable, components)


def _is_ids(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(id, str) for id in value)


def _damaged(path: str, what: str) -> ArgumentError:
    return ArgumentError(
        f"the lock file {path} is damaged: {what}.\n"
        "  Take it from your version control again, or write it anew from what is installed:  corekit lock"
    )


@dataclass(frozen=True)
class Drift:
    """One way in which what is installed is not what the lock has.

    Args:
        distribution: canonical name.
        what: missing, version, files, editable, components or extra; a word for programs.
        message: a sentence.
        repair: the line to run.
    """

    distribution: str
    what: str
    message: str
    repair: str


INSTALL, REINSTALL, RELOCK = "pip install", "pip install --force-reinstall --no-deps", "corekit lock"
EDITABLE = "pip install --editable"


def compare(locked: Iterable[Entry], here: Iterable[Installed]) -> list[Drift]:
    """Return how what is installed differs from a lock, sorted by name; [] where it does not.

    Example:
        >>> [drift.repair for drift in compare([Entry("corekit-norms", "1.2")], [])]
        ['pip install corekit-norms==1.2']
    """
    rest = {one.entry.name: one for one in here}
    found = [_difference(entry, rest.pop(entry.name, None)) for entry in locked]
    for name, one in rest.items():
        message = f"{name} {one.entry.version} is installed, and the lock does not have it."
        found.append(Drift(name, "extra", message, f"pip uninstall {name}"))
    return sorted(filter(None, found), key=lambda drift: drift.distribution)


def _difference(entry: Entry, here: Installed | None) -> Drift | None:
    def drift(what: str, message: str, repair: str) -> Drift:
        words = {INSTALL: entry.pin, REINSTALL: entry.pin, EDITABLE: f"FOLDER_OF_{entry.name}", RELOCK: ""}
        return Drift(entry.name, what, f"{entry.name} {message}.", f"{repair} {words[repair]}".rstrip())

    if here is None:
        return drift("missing", f"{entry.version} is not installed", EDITABLE if entry.editable else INSTALL)
    mine = here.entry
    if mine.version != entry.version:
        message = f"{mine.version or 'of an unknown version'} is installed, and the lock has {entry.version}"
        return drift("version", message, EDITABLE if entry.editable else INSTALL)
    if here.fault:
        return drift("files", f"{entry.version}: {here.fault}", REINSTALL)
    if mine.editable and not entry.editable:
        return drift("editable", f"{entry.version} is an editable install, and the lock has a release", REINSTALL)
    if entry.editable and not mine.editable:
        return drift("editable", f"{entry.version} is a release, and the lock has an editable install", EDITABLE)
    if mine.sha256 != entry.sha256 and entry.sha256:
        if not (mine.sha256 or mine.editable):
            return drift(
                "files", f"{entry.version} has no RECORD here, so that its files cannot be compared", REINSTALL
            )
        if mine.editable:
            return drift("files", f"{entry.version} is an editable install with another source than the lock's", RELOCK)
        return drift("files", f"{entry.version} has other files than the lock's: another build of it", REINSTALL)
    if _sorted(mine.components) != _sorted(entry.components):
        return drift("components", f"{entry.version} offers other components than the lock has", RELOCK)
    return None


def _sorted(components: dict[str, list[str]]) -> dict[str, list[str]]:
    return {kind: sorted(ids) for kind, ids in components.items()}


def pip_commands(locked: Iterable[Entry], drifts: Sequence[Drift]) -> list[list[str]]:
    """Return what pip has to be told to undo drift, as far as it can: it removes nothing, and knows no editable source.

    Every pin of the lock stands in one command, so that pip keeps to all of them while it installs one.

    Example:
        >>> lock = [Entry("corekit-norms", "1.2"), Entry("corekit-einops", "1.0")]
        >>> pip_commands(lock, compare(lock, [Installed(Entry("corekit-einops", "1.0"))]))
        [['install', 'corekit-norms==1.2', 'corekit-einops==1.0']]
    """
    pins = {entry.name: entry.pin for entry in locked if not entry.editable}
    commands = []
    if any(drift.what in ("missing", "version") and drift.distribution in pins for drift in drifts):
        commands.append(["install", *pins.values()])
    if again := [pins[drift.distribution] for drift in drifts if drift.repair.startswith(REINSTALL)]:
        commands.append(["install", "--force-reinstall", "--no-deps", *again])
    return commands
