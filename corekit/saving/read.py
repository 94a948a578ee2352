"""From a file to a model: check everything, resolve every name through the registry, then build."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from corekit.errors import LoadError
from corekit.model.construction import construct
from corekit.model.model import Model
from corekit.protocols.layer import Layer
from corekit.protocols.weights import limited
from corekit.registry import registry
from corekit.saving import filling
from corekit.saving import format as files
from corekit.saving.format import Contents


def load_model(filepath: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None) -> Model:
    """Read a model that `model.save` wrote; it is not compiled.

    Nothing in the file can name code: parts come from the registry, or from `custom_objects`. The whole file is
    checked, hashes included, before anything is built.

    Args:
        filepath: of a `.safetensors` file.
        custom_objects: classes of your own program by name, where they are not registered.

    Raises:
        LoadError: `code` says why: "not-found", "not-corekit", "newer-format", "damaged", "missing-part",
            "bad-description", "wrong-kind", "weights-differ", "too-large".
    """
    contents, data = files.read(Path(filepath))
    model = _built(contents, custom_objects, str(filepath))
    filling.fill(model.named_weights(), contents.tensors, data)
    frozen = contents.metadata.get("frozen")
    for name, weight in model.named_parameters():
        weight.requires_grad_(name not in (frozen if isinstance(frozen, list) else ()))
    model.eval()
    registry.call_hooks("model_loaded", model=model, path=str(filepath))
    return model


def _built(contents: Contents, custom_objects: Mapping[str, Any] | None, path: str) -> Model:
    """Return the model with its weights, the memory for which is taken once it is known that the file fills it."""
    description = contents.metadata.get("architecture")
    try:
        with torch.device("meta"):
            model = _model(construct(description, custom_objects), path)
    except LoadError as error:
        if error.code != "bad-description":
            raise
        # a layer that builds by looking at values; what it takes may not exceed what the file has
        with limited(sum(held.stop - held.start for held in contents.tensors.values())):
            model = _model(construct(description, custom_objects), path)
    weights = model.named_weights()
    filling.check(weights, contents.tensors)
    if filling.computed(model, weights):  # no file has values for them: let the layers compute them
        model = _model(construct(description, custom_objects), path)
    return model


def _model(made: Layer, path: str) -> Model:
    if not isinstance(made, Model):
        raise LoadError(f"{path} holds a {type(made).__name__}, which is no model.", code="wrong-kind")
    return made
