"""Fake distributions: metadata and modules in a folder of the test's own, found as pip's would be."""

import base64
import functools
import hashlib
import importlib
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from corekit.registry import Registry, environment, registry

EntryPoints = Mapping[str, Mapping[str, str]]


class Site:
    """Folders that stand for site-packages: what is installed there is all that the registry finds."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.monkeypatch = monkeypatch
        self.folders: list[Path] = []
        monkeypatch.setattr(environment, "search_path", lambda: [str(folder) for folder in self.folders])

    def install(
        self, name: str, entry_points: EntryPoints, *, version: str = "1.0", folder: str = "site", head: str = "",
        **modules: str,
    ) -> None:  # fmt: skip
        """Write a distribution's metadata, and modules given as `name="source"`.

        Args:
            entry_points: group without "corekit." -> name -> target.
            head: further lines of METADATA.
        """
        place = self.root / folder
        if place not in self.folders:
            place.mkdir()
            self.folders.append(place)
            self.monkeypatch.syspath_prepend(str(place))
        info = place / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        info.joinpath("METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{head}")
        sections = [
            "\n".join([f"[corekit.{group}]", *(f"{entry} = {target}" for entry, target in entries.items())])
            for group, entries in entry_points.items()
        ]
        info.joinpath("entry_points.txt").write_text("\n\n".join(sections) + "\n")
        for module, source in modules.items():
            place.joinpath(f"{module}.py").write_text(textwrap.dedent(source))
        importlib.invalidate_caches()

    def record(self, name: str, *modules: str, version: str = "1.0", folder: str = "site") -> None:
        """Write a distribution's RECORD: of its metadata and of modules, as they are now."""
        place = self.root / folder
        info = place / f"{name.replace('-', '_')}-{version}.dist-info"
        lines = [f"{info.name}/RECORD,,"]
        for path in [*(path for path in info.iterdir() if path.name != "RECORD"), *(place / m for m in modules)]:
            digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).decode().rstrip("=")
            lines.append(f"{path.relative_to(place).as_posix()},sha256={digest},{path.stat().st_size}")
        info.joinpath("RECORD").write_text("\n".join(lines) + "\n")

    def registry(self, owners: dict[str, dict[str, str]] | None = None) -> Registry:
        """Return a registry of what is installed here; no name has an owner unless told."""
        return Registry(owners=owners or {})


@pytest.fixture(autouse=True, scope="session")
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep away from the user's cache folder, and from what the user has decided about plugins."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COREKIT_CONFIG", str(tmp_path_factory.mktemp("config") / "none.toml"))
        for verb in ("DISABLE", "ALLOW", "PREFER", "STRICT"):
            patch.delenv(f"COREKIT_{verb}", raising=False)
        patch.setenv("COREKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An environment with nothing installed, where no name has an owner; the process's own registry sees it too."""
    imported = set(sys.modules)
    registry.refresh()
    monkeypatch.setattr(registry, "_owner_of", {})
    monkeypatch.setattr(registry, "_local", [])  # what other tests' classes registered
    yield Site(tmp_path, monkeypatch)
    monkeypatch.undo()
    registry.refresh()
    for name in set(sys.modules) - imported:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture(scope="session")
def one_onnx_table() -> Iterator[None]:
    """Let torch make its table of ONNX functions once: it makes one for each export, in half a second."""
    from torch.onnx._internal.exporter._registration import ONNXRegistry  # slow to import

    make = functools.cache(ONNXRegistry.from_torchlib)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(make))
        yield
