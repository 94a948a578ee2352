"""What may be used under one policy, as tables to look names up in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from corekit.registry import policy
from corekit.registry.component import Component, fold
from corekit.registry.policy import Policy

Table = dict[tuple[str, str], list[Component]]
"""Components by kind and folded name."""


class View:
    """What may be used under one policy: tables of what entry points and the program offer, and of what hooks do."""

    def __init__(self, decided: Policy) -> None:
        self.policy = decided
        self.tables: list[Table] = []
        self.loaded: dict[tuple[str, str, bool], Any] = {}  # what names meant, as long as these tables stand

    def table_of(self, components: Iterable[Component]) -> Table:
        """Return a table of those that the policy lets pass."""
        table: Table = {}
        for component in components:
            if policy.refusal(self.policy, component.distribution, component.id) is None:
                for name in {fold(name) for name in component.targets}:
                    table.setdefault((component.kind, name), []).append(component)
        return table
