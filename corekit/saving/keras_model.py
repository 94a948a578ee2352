"""From a `.keras` file to a model, data only."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from corekit.errors import LoadError
from corekit.model.model import Model
from corekit.protocols.layer import Layer
from corekit.saving import archive, hdf5, keras_config, keras_weights, matching

_STATES = 8  # copies of the weights that an optimizer keeps, at most; they lie in the same member
_FIXED, _PER_LAYER = 16 * 2**20, 64 * 2**10  # bytes of HDF5's own


def load_keras(path: Path, custom_objects: Mapping[str, Any] | None) -> Model:
    """Read a `.keras` file; see `load_model`.

    The model is first made on the meta device, where a weight takes no memory: its shapes say how large the weights may
    be and what each must look like. Only where all of that is so is it made in earnest.
    """
    custom = custom_objects or {}
    with archive.opened(path) as opened:
        _check_version(path, opened.json(archive.METADATA))
        config = opened.json(archive.CONFIG)
        try:
            with torch.device("meta"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # each is told once, below
                sketch, rows = keras_config.build(config, custom, bare=True)
        except LoadError as error:
            raise LoadError(f"{path}: {error}", code=error.code) from error.__cause__
        if not isinstance(sketch, Model):
            raise LoadError(f"{path} holds a {type(sketch).__name__}, which is no model.", code="wrong-kind")
        content = opened.weights(largest(sketch))
    with hdf5.opened(content, f"{path}: {archive.WEIGHTS}") as arrays:
        found = {name: array for name, array in arrays.items() if not keras_weights.is_ignored(name)}
        wanted = keras_weights.places(sketch, rows)
        match = matching.compare(sketch.named_weights(), found, wanted)
        matching.require_whole(match, str(path))
        model, _ = keras_config.build(config, custom)
        assert isinstance(model, Model)
        matching.copy_in(model.named_weights(), found, wanted, match)
    return model


def _check_version(path: Path, metadata: dict[str, Any]) -> None:
    version = metadata.get("keras_version")
    if not isinstance(version, str) or not version.startswith("3."):
        raise LoadError(
            f"{path} was saved by Keras {version!r}; corekit reads the files of Keras 3.\n"
            "  Open it in Keras 3 and save it anew:  "
            f'keras.models.load_model("{path.name}").save("{path.name}").',
            code="other-version",
        )


def largest(model: Layer) -> int:
    """Return how many bytes the weights file of a model may have at most, its optimizer's state included."""
    size = sum(math.prod(weight.shape) * weight.element_size() for weight in model.weights)
    return _STATES * size + _FIXED + _PER_LAYER * sum(1 for _ in model.modules())
