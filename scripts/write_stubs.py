"""Write what is generated from the plugins' entry points: the namespaces' .pyi files and the table of standard owners.

python scripts/write_stubs.py            write (this is `make stubs`)
python scripts/write_stubs.py --check    change nothing; exit 1 and name the files that differ
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = {
    "layers": ["from corekit.model.graph import Input as Input", "from corekit.protocols.layer import Layer as Layer"],
    "optimizers": [
        "from corekit import optimizers as optimizers",
        "from corekit import schedules as schedules",
        "from corekit.protocols.optimizer import Optimizer as Optimizer",
    ],
    "losses": ["from corekit.protocols.loss import Loss as Loss"],
    "metrics": ["from corekit.protocols.metric import Metric as Metric"],
    "activations": [],
    "initializers": ["from corekit.protocols.weights import Initializer as Initializer"],
    "regularizers": ["from corekit.protocols.weights import Regularizer as Regularizer"],
    "constraints": ["from corekit.protocols.weights import Constraint as Constraint"],
    "schedules": ["from corekit.protocols.schedule import LearningRateSchedule as LearningRateSchedule"],
    "callbacks": [
        "from corekit.protocols.callback import Callback as Callback",
        "from corekit.training.history import History as History",
    ],
    "ops": [],
}
WITHOUT_GET = ("callbacks", "ops")
NOTE = "# Written by `make stubs` from the plugins' entry points; do not edit."


def standard_entries() -> dict[str, dict[str, tuple[str, str]]]:
    """Return kind -> name -> (distribution, target) of every plugin in plugins/."""
    found: dict[str, dict[str, tuple[str, str]]] = {kind: {} for kind in KINDS}
    for path in sorted((ROOT / "plugins").glob("*/pyproject.toml")):
        project = tomllib.loads(path.read_text())["project"]
        for group, entries in project.get("entry-points", {}).items():
            for name, target in entries.items():
                found[group.removeprefix("corekit.")][name] = (project["name"], target)
    return found


def stub(kind: str, entries: dict[str, tuple[str, str]]) -> str:
    """Return the .pyi of one namespace. An alias is an assignment: `import A as B` exports nothing from a stub."""
    imports = list(KINDS[kind])
    aliases = ["experimental = optimizers"] if kind == "optimizers" else []
    for name, (_, target) in sorted(entries.items()):
        module, _, attribute = target.partition(":")
        imports.append(f"from {module} import {attribute} as {attribute}")
        if name != attribute:
            aliases.append(f"{name} = {attribute}")
    lines = [NOTE, "from typing import Any", "", *sorted(set(imports), key=_import_order), "", *aliases]
    if kind not in WITHOUT_GET:
        lines.append("def get(spec: Any) -> Any: ...")
    lines += ["def __getattr__(name: str) -> Any: ...  # what other distributions bring", ""]
    return "\n".join(lines)


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
    return "\n".join([*lines, "}", ""])


def generated() -> dict[Path, str]:
    """Return every generated file with its text."""
    entries = standard_entries()
    files = {ROOT / "corekit" / f"{kind}.pyi": stub(kind, entries[kind]) for kind in KINDS}
    files[ROOT / "corekit" / "registry" / "standard.py"] = owners(entries)
    return files


def _import_order(line: str) -> tuple[bool, str, str]:
    _, module, _, name, *_ = line.split()
    return (module.split(".")[0] != "corekit", module, name)


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
