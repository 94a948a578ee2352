"""The checks of a distribution as items of pytest that stand in no file: what `--corekit-check` adds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corekit.testing.parametrize import BoundCheck, bound_checks


class CheckItem(pytest.Item):
    """One check of one component."""

    def __init__(self, *, bound: BoundCheck, **where: Any) -> None:
        super().__init__(**where)
        self.bound = bound

    def runtest(self) -> None:
        """Run it."""
        self.bound()

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return what stands above its failure."""
        return self.path, None, self.nodeid


def items_of(session: pytest.Session, distribution: str) -> Iterator[CheckItem]:
    """Return an item for each check of each component of a distribution."""
    for bound in bound_checks(distribution):
        name = f"{distribution}::{bound.name}"
        yield CheckItem.from_parent(session, name=name, nodeid=name, bound=bound)
