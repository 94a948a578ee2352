"""What steps take is remembered apart from the user's cache."""

import pytest


@pytest.fixture(autouse=True)
def own_memory(tmp_path, monkeypatch):
    """Keep what is measured here out of the user's cache."""
    monkeypatch.setenv("COREKIT_CACHE", str(tmp_path / "memory"))
