"""From a file to a model: check everything, resolve every name through the registry, then build."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from corekit.errors import ArgumentError, LoadError
from corekit.model.construction import construct
from corekit.model.model import Model
from corekit.model.placeholder import attach
from corekit.protocols.weights import limited
from corekit.registry import registry
from corekit.saving import filling
from corekit.saving import format as files
from corekit.saving.format import Contents


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    *,
    missing: Literal["error", "placeholder"] = "error",
) -> Model:
    """Read a model that `model.save` wrote; it is not compiled.

    Nothing in the file can name code: parts come from the registry, or from `custom_objects`. The whole file is
    checked, hashes included, before anything is built.

    Args:
        filepath: of a `.safetensors` file.
        custom_objects: classes of your own program by name, where they are not registered.
        missing: what to do where a layer, or what it needs, is not here. "error", the default, names all that is
            missing. "placeholder" keeps the layer's description and weights in its place, so that the model can be
            looked at, changed and saved again without loss; calling it says what to install.

    Raises:
        ArgumentError: `missing` is neither of these.
        LoadError: `code` says why: "not-found", "not-corekit", "newer-format", "damaged", "missing-part",
            "bad-description", "wrong-kind", "weights-differ", "too-large".
    """
    if missing not in ("error", "placeholder"):
        raise ArgumentError(f'load_model(missing={missing!r}): expected "error" or "placeholder".')
    contents, data = files.read(Path(filepath))
    model = _built(contents, custom_objects, str(filepath), keep_missing=missing == "placeholder")
    filling.fill(model.named_weights(), contents.tensors, data)
    frozen = contents.metadata.get("frozen")
    for name, weight in model.named_parameters():
        weight.requires_grad_(name not in (frozen if isinstance(frozen, list) else ()))
    model.eval()
    registry.call_hooks("model_loaded", model=model, path=str(filepath))
    return model


def _built(contents: Contents, custom_objects: Mapping[str, Any] | None, path: str, *, keep_missing: bool) -> Model:
    """Return the model with its weights, the memory for which is taken once it is known that the file fills it."""

    def made() -> Model:
        model = construct(contents.metadata.get("architecture"), custom_objects, keep_missing=keep_missing)
        if not isinstance(model, Model):
            raise LoadError(f"{path} holds a {type(model).__name__}, which is no model.", code="wrong-kind")
        if keep_missing:
            stored = {name: (one.shape, filling.TORCH_DTYPES[one.dtype]) for name, one in contents.tensors.items()}
            attach(model, stored, contents.metadata.get("frozen"), contents.metadata.get("requires"))
        return model

    try:
        with torch.device("meta"):
            model = made()
    except LoadError as error:
        if error.code != "bad-description":
            raise
        # a layer that builds by looking at values; what it takes may not exceed what the file has
        with limited(sum(held.stop - held.start for held in contents.tensors.values())):
            model = made()
    weights = model.named_weights()
    filling.check(weights, contents.tensors)
    if filling.computed(model, weights):  # no file has values for them: let the layers compute them
        model = made()
    return model
