"""What one policy lets pass, and what it has loaded already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from corekit.registry import policy
from corekit.registry.component import Component
from corekit.registry.policy import Policy


class View:
    """What may be used under one policy.

    Args:
        decided: the policy.
    """

    def __init__(self, decided: Policy) -> None:
        self.policy = decided
        self.loaded: dict[tuple[str, str, bool], Any] = {}  # what names meant, as long as the view stands

    def allowed(self, components: Iterable[Component]) -> list[Component]:
        """Return the components that the policy lets pass."""
        return [one for one in components if policy.refusal(self.policy, one.distribution, one.id) is None]
