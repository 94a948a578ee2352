"""Which standard distribution owns which name."""

OWNERS: dict[str, dict[str, str]] = {}
