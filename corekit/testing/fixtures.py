"""Fixtures for the tests of plugins, which pytest has by itself wherever corekit is installed.

Only where it must not load plugins (PYTEST_DISABLE_PLUGIN_AUTOLOAD) is one named in a conftest.py:

from corekit.testing.fixtures import isolated_registry
"""

from corekit.testing.plugin import isolated_registry

__all__ = ["isolated_registry"]
