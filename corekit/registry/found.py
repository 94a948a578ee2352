"""What a look at the environment found.

Plain classes, here and in `component`: a dataclass takes 0.4 ms to make, and their module up to 5 to import, of each
command and each program.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from corekit.registry.component import Component


class Problem(NamedTuple):
    """Something wrong with an installed plugin: whose, and what, in one sentence."""

    distribution: str
    version: str
    message: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".rstrip() + f": {self.message}"


class HookModule(NamedTuple):
    """A module of `corekit.hooks`: it may add components when it is loaded."""

    distribution: str
    version: str
    module: str


class Scan:
    """What one look at the environment found.

    Args:
        components: of all plugins.
        hooks: their hook modules.
        problems: what is wrong with them.
        needs: what each plugin's metadata asks to be installed; see `requirements`.
        files: what was read and may be changed in place; see `looking.Look`.
    """

    def __init__(
        self,
        components: list[Component] | None = None,
        hooks: list[HookModule] | None = None,
        problems: list[Problem] | None = None,
        needs: dict[str, list[str]] | None = None,
        files: list[str] | None = None,
    ) -> None:
        self.components, self.hooks, self.problems = components or [], hooks or [], problems or []
        self.needs, self.files = needs or {}, files or []
        self._by_name: dict[str, list[Component]] | None = None

    def named(self, kind: str, folded: str) -> list[Component]:
        """Return the components of a kind that answer to a folded name."""
        if self._by_name is None:
            self._by_name = {}
            for component in self.components:
                for key in component.keys:
                    self._by_name.setdefault(key, []).append(component)
        return self._by_name.get(f"{kind}:{folded}", [])

    def plain(self) -> dict[str, Any]:
        """Return what was found as JSON-ready data; two looks at one environment give the same."""
        return {
            "components": [component.plain() for component in self.components],
            "hooks": [list(hook) for hook in self.hooks],
            "problems": [list(problem) for problem in self.problems],
            "needs": self.needs,
        }
