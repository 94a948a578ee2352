"""Which components this distribution has, under which names."""

import pytest

from corekit.registry import registry

LOSSES, METRICS = (
    [c for c in registry.components(kind) if c.distribution == "corekit-objectives"] for kind in ("losses", "metrics")
)


def test_all_promised_components_are_there():
    assert len(LOSSES) == 7
    assert len(METRICS) == 14


@pytest.mark.parametrize("component", [*LOSSES, *METRICS], ids=lambda c: f"{c.kind}:{c.name}")
def test_every_name_loads_and_explains_itself(component):
    for name in component.targets:
        value = component.load(name)
        assert value.__doc__
        assert "Example:" in value.__doc__
