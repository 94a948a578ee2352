"""What a test registers is forgotten after it."""

from collections.abc import Iterator

import pytest

from corekit.registry import registry


@pytest.fixture(autouse=True)
def own_program(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A program that has registered nothing yet."""
    monkeypatch.setattr(registry, "_local", [])
    registry._views.clear()
    yield
    registry._views.clear()
