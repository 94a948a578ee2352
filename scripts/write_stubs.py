"""Write what is generated from the plugins' entry points: the namespaces' .pyi files and the table of standard owners.

python scripts/write_stubs.py            write (this is `make stubs`)
python scripts/write_stubs.py --check    change nothing; exit 1 and name the files that differ
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from corekit.cli.stub_text import OWN, stub

ROOT = Path(__file__).resolve().parent.parent
NOTE = "# Written by `make stubs` from the plugins' entry points; do not edit."


def standard_entries() -> dict[str, dict[str, tuple[str, str]]]:
    """Return kind -> name -> (distribution, target) of every plugin in plugins/."""
    found: dict[str, dict[str, tuple[str, str]]] = {kind: {} for kind in OWN}
    for path in sorted((ROOT / "plugins").glob("*/pyproject.toml")):
        project = tomllib.loads(path.read_text())["project"]
        for group, entries in project.get("entry-points", {}).items():
            for name, target in entries.items():
                found[group.removeprefix("corekit.")][name] = (project["name"], target)
    return found


def owners(entries: dict[str, dict[str, tuple[str, str]]]) -> str:
    """Return the module that says which standard distribution owns which name."""
    lines = [
        '"""Which standard distribution owns which name, installed or not.',
        "",
        "Written by `make stubs` from the plugins' entry points; do not edit.",
        '"""',
        "",
        "OWNERS: dict[str, dict[str, str]] = {",
    ]
    for kind, names in entries.items():
        if names:
            lines.append(f'    "{kind}": {{')
            lines += [f'        "{name}": "{owner}",' for name, (owner, _) in sorted(names.items())]
            lines.append("    },")
    lines += ["}", "", "STANDARD = frozenset(owner for names in OWNERS.values() for owner in names.values())", ""]
    return "\n".join(lines)


def generated() -> dict[Path, str]:
    """Return every generated file with its text."""
    entries = standard_entries()
    files = {ROOT / "corekit" / f"{kind}.pyi": _stub(kind, entries[kind]) for kind in OWN}
    files[ROOT / "corekit" / "registry" / "standard.py"] = owners(entries)
    return files


def _stub(kind: str, entries: dict[str, tuple[str, str]]) -> str:
    return stub(kind, {name: target for name, (_, target) in entries.items()}, note=NOTE)


def main() -> int:
    """Write or check the files; return the exit code."""
    differing = [path for path, text in generated().items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        for path in differing:
            print(f"{path.relative_to(ROOT)} is out of date: run  make stubs")
        return 1 if differing else 0
    for path in differing:
        path.write_text(generated()[path])
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
