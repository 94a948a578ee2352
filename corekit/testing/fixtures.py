"""Fixtures for the tests of plugins: name one in your conftest.py, and pytest has it.

from corekit.testing.fixtures import isolated_registry
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from corekit.registry import Registry, registry


@pytest.fixture
def isolated_registry() -> Iterator[Registry]:
    """Give a test the registry without the developer's own decisions, and forget afterwards what the test registered.

    What is installed stays visible; `with corekit.plugins(allow=["my-plugin"]):` inside narrows it down.
    """
    with registry.isolated() as isolated:
        yield isolated
