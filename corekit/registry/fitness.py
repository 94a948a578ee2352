"""Whether a plugin can run here, asked before its code is imported: what it needs, and what its ops would meet."""

from __future__ import annotations

from collections.abc import Callable, Collection

from corekit.registry.component import Component
from corekit.registry.found import Scan


class Fitness:
    """Remembers what was asked. What a plugin lacks is asked for anew: somebody may install it, and try again."""

    def __init__(self) -> None:
        self._versions: dict[str, str] = {}
        self._fit: set[str] = set()

    def lack(self, distribution: str, found: Scan, usable_ops: Callable[[], Collection[Component]]) -> str:
        """Return what a distribution needs and does not have, or whom its ops meet, in a sentence; "" where it is fit.

        Args:
            distribution: canonical name.
            found: what is installed.
            usable_ops: gives the ops that no policy forbids, of all distributions.
        """
        if distribution in self._fit:
            return ""
        needs, usable = found.needs.get(distribution), usable_ops()
        has_ops = any(component.distribution == distribution for component in usable)
        if not (needs or has_ops):
            return ""
        from corekit.registry import requirements  # imports importlib.metadata, and looking up must not

        self._versions = self._versions or requirements.installed()
        complaint = requirements.complaint(needs or (), self._versions)
        complaint = complaint or (_met_by_ops(distribution, usable) if has_ops else "")
        if not complaint:
            self._fit.add(distribution)
        return complaint


def _met_by_ops(distribution: str, usable: Collection[Component]) -> str:
    from corekit.registry import native  # only where ops are about to be loaded

    targets: dict[str, set[str]] = {}
    for component in usable:
        targets.setdefault(component.distribution, set()).update(component.targets.values())
    seen = {name: native.look_into(native.packages_of(mine)) for name, mine in targets.items()}
    mine = seen.pop(distribution)
    return native.clash(mine, seen) or native.wrong_cuda(mine)
