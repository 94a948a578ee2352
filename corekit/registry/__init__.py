"""Names to components: what is installed, who ships it, and the object when it is asked for. Knows no torch.

The table is read at the first look-up, never at import. Listing imports no plugin.

Example:
    >>> from corekit.registry import registry
    >>> registry.find("layers", "dense").id
    'corekit-layers-basic:Dense'
"""

from corekit.registry.component import KINDS, Component
from corekit.registry.resolution import Registry

__all__ = ["KINDS", "Component", "Registry", "registry"]

registry = Registry()
"""The process's table."""
