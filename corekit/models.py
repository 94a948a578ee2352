"""Models, under Keras's name."""

from corekit.model.model import Model
from corekit.model.sequential import Sequential
from corekit.saving import load_model

__all__ = ["Model", "Sequential", "load_model"]
