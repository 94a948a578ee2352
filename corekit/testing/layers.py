"""What every layer must do: the checks of all parts, in the order in which they run."""

from __future__ import annotations

from corekit.testing import (
    layers_compiled,
    layers_gradients,
    layers_modes,
    layers_precision,
    layers_processes,
    layers_promises,
    layers_saving,
    layers_shapes,
)
from corekit.testing.kit import CheckList

CHECKS = CheckList("layers", minimum=20)

CHECKS.add(layers_modes.EFFECTS)
CHECKS.add(layers_shapes.CHECKS)
CHECKS.add(layers_precision.CHECKS)
CHECKS.add(layers_gradients.CHECKS)
CHECKS.add(layers_modes.CHECKS)
CHECKS.add(layers_promises.CHECKS)
CHECKS.add(layers_saving.CHECKS)
CHECKS.add(layers_compiled.CHECKS)
CHECKS.add(layers_processes.CHECKS)
