"""Reads a distribution's metadata: which entry points it has, what it is called, what it needs.

Why not importlib-metadata: importing it costs more than finding every plugin, and it parses a whole METADATA file, with
its README, for a few lines of it. It still reads what lies in archives; see `environment`.
"""

from __future__ import annotations

from typing import NamedTuple


def groups_of(entry_points: bytes, prefix: str) -> dict[str, dict[str, str]]:
    """Return what an entry_points.txt lists: group without `prefix` -> name -> value; other groups are left out.

    Raises:
        ValueError: it cannot be read.

    Example:
        >>> groups_of(b"[corekit.layers]\\nNorm = norms:Norm\\n[console_scripts]\\nnorm = norms:main", "corekit.")
        {'layers': {'Norm': 'norms:Norm'}}

    Reference: https://packaging.python.org/en/latest/specifications/entry-points/
    """
    groups: dict[str, dict[str, str]] = {}
    group = ""
    for line in map(str.strip, entry_points.decode().splitlines()):
        if not line or line.startswith(("#", ";")):
            continue
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
            continue
        name, equals, value = map(str.strip, line.partition("="))
        if not (group and name and equals):
            raise ValueError(f"entry_points.txt has the line {line!r}")
        if group.startswith(prefix):
            groups.setdefault(group.removeprefix(prefix), {})[name] = value
    return groups


class Head(NamedTuple):
    """What the head of a METADATA or PKG-INFO file states."""

    name: str
    version: str
    needs: list[str]
    """Requirements that no extra asks for; one on Python is written "python>=3.12"."""


def head_of(metadata: bytes) -> Head:
    """Return what the head of a METADATA or PKG-INFO file states.

    Raises:
        ValueError: it states no name, or no version.

    Example:
        >>> head_of(b"Name: norms\\nVersion: 1.0\\nRequires-Dist: torch>=2\\nRequires-Python: >=3.11\\n\\nA README")
        Head(name='norms', version='1.0', needs=['torch>=2', 'python>=3.11'])

    Reference: https://packaging.python.org/en/latest/specifications/core-metadata/
    """
    stated = {b"name": "", b"version": ""}
    needs: list[str] = []
    for line in metadata.splitlines():
        if not line.strip():
            break  # the description follows
        field, _, value = line.partition(b":")
        field = field.lower()
        if stated.get(field) == "":
            stated[field] = value.decode().strip()
        elif field == b"requires-dist" and b"extra" not in value.partition(b";")[2]:
            needs.append(value.decode().strip())
        elif field == b"requires-python":
            needs.append(f"python{value.decode().strip()}")
    if not all(stated.values()):
        raise ValueError("no name and version")
    return Head(stated[b"name"], stated[b"version"], needs)
