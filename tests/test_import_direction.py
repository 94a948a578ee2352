"""Imports run one way. This reads them from the source, so that a wrong arrow fails before it becomes a habit."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# A room may import the rooms on lower floors, and itself. Two rooms on one floor do not know each other.
FLOORS = {
    "errors": 0,
    "cache": 0,
    "registry": 1,
    "protocols": 2,
    "model": 3,
    "training": 4,
    "saving": 4,
    "face": 5,  # corekit/*.py
    "cli": 6,
    "testing": 6,
}

# Upward arrows that are allowed, inside functions or for types only: (module, room).
EXCEPTIONS = {
    ("corekit.model.model", "training"),  # Model.compile, fit, evaluate, predict: each is one call into the engine
    ("corekit.model.model", "saving"),  # Model.save
}


@dataclass(frozen=True)
class Arrow:
    """One import: who, what, and whether it runs when the module is imported."""

    source: str
    target: str
    line: int
    at_import: bool

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def arrows(path: Path, source: str, text: str | None = None) -> Iterator[Arrow]:
    tree = ast.parse(path.read_text(encoding="utf-8") if text is None else text)
    later = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or is_for_types(node)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        for target in targets(node):
            yield Arrow(source, target, node.lineno, id(node) not in later)


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def targets(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name != "corekit"]
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "corekit":
        return [f"corekit.{node.attr}"]  # `import corekit` is an arrow to each name that is used of it
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "write absolute imports: they say where a thing lives"
        assert node.module is not None
        if node.module == "corekit":  # `from corekit import layers` is an arrow to corekit.layers
            return [f"corekit.{alias.name}" for alias in node.names]
        return [node.module]
    return []


def arrows_in(folder: str, package: str) -> list[Arrow]:
    root = ROOT / folder
    found = []
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found += arrows(path, ".".join((package, *(part for part in parts if part != "__init__"))))
    return found


def room(module: str) -> str | None:
    """Return which room of corekit a module is in; None where it is not corekit's."""
    first, _, rest = module.partition(".")
    if first != "corekit" or rest == "__version__":  # a constant of the package, which is there before its parts
        return None
    name = rest.partition(".")[0]
    return "cli" if name == "__main__" else name if name in FLOORS else "face"


def outsiders(found: list[Arrow], allowed: set[str]) -> list[str]:
    """Return the arrows to third-party packages that are not allowed."""
    known = {*sys.stdlib_module_names, "corekit", *allowed}
    return [str(arrow) for arrow in found if arrow.target.partition(".")[0] not in known]


@pytest.fixture(scope="module")
def core() -> list[Arrow]:
    return arrows_in("corekit", "corekit")


def test_reader_sees_where_an_import_runs():
    text = (
        "import torch, corekit\n"
        "if TYPE_CHECKING:\n    import a\n"
        "def f():\n    from corekit import layers\n    corekit.losses.mse\n"
    )

    found = {(arrow.target, arrow.at_import) for arrow in arrows(Path("m.py"), "m", text)}

    assert found == {("torch", True), ("a", False), ("corekit.layers", False), ("corekit.losses", False)}


def test_rooms_import_only_lower_floors(core):
    wrong = []
    for arrow in core:
        here, there = room(arrow.source), room(arrow.target)
        if there is None or here == there or FLOORS[here] > FLOORS[there]:
            continue
        if arrow.at_import or (arrow.source, there) not in EXCEPTIONS:
            wrong.append(str(arrow))

    assert wrong == []


def test_every_exception_is_needed(core):
    used = {(arrow.source, room(arrow.target)) for arrow in core}

    assert used >= EXCEPTIONS


def test_errors_import_nothing(core):
    assert [str(arrow) for arrow in core if room(arrow.source) == "errors"] == []


def test_registry_imports_neither_torch_nor_numpy(core):
    mine = [arrow for arrow in core if room(arrow.source) == "registry"]

    assert outsiders(mine, {"importlib_metadata", "packaging", "pluggy"}) == []


def test_face_imports_no_torch_before_its_use(core):
    lazy = {"corekit", "corekit.layers", "corekit.optimizers", "corekit.losses", "corekit.metrics", "corekit.ops"}
    mine = [arrow for arrow in core if arrow.source in lazy and arrow.at_import]

    assert {room(arrow.target) for arrow in mine} <= {None, "registry"}
    assert outsiders(mine, set()) == []


def test_cli_starts_with_click_and_registry_only(core):
    mine = [arrow for arrow in core if room(arrow.source) == "cli" and arrow.at_import]

    assert {room(arrow.target) for arrow in mine} <= {None, "cli", "registry", "errors"}
    assert outsiders(mine, {"click"}) == []


def test_cli_needs_nothing_but_click_and_rich(core):
    mine = [arrow for arrow in core if room(arrow.source) == "cli"]

    assert outsiders(mine, {"click", "rich"}) == []


def test_file_format_needs_no_torch(core):
    alone = (
        "corekit.saving.format", "corekit.saving.atomic", "corekit.saving.taking", "corekit.saving.shards",
        "corekit.saving.storing",
        "corekit.saving.dividing", "corekit.saving.claims", "corekit.model.ids",
    )  # fmt: skip
    mine = [arrow for arrow in core if arrow.source in alone]

    assert {arrow.source for arrow in mine} == set(alone)
    inside = {arrow.target for arrow in mine if room(arrow.target) == "saving"}
    assert all(target.startswith(alone) for target in inside)
    assert {room(arrow.target) for arrow in mine if not arrow.target.startswith(alone)} <= {None, "errors", "saving"}
    assert outsiders(mine, {"xxhash"}) == []


def test_saving_package_is_lazy(core):
    mine = [arrow for arrow in core if arrow.source == "corekit.saving" and arrow.at_import]

    assert outsiders(mine, set()) == []
    assert {room(arrow.target) for arrow in mine} <= {None}


def test_plugins_import_only_the_public_face():
    rooms = set(FLOORS) - {"errors", "face"}
    wrong = []
    for folder in sorted(ROOT.glob("plugins/*/corekit_*")):
        for arrow in arrows_in(str(folder.relative_to(ROOT)), folder.name):
            first = arrow.target.partition(".")[0]
            other_plugin = first.startswith("corekit_") and first != folder.name
            if other_plugin or room(arrow.target) in rooms:
                wrong.append(str(arrow))

    assert wrong == []
