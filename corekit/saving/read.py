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
from corekit.model.placeholder import Placeholder, attach
from corekit.protocols.weights import limited
from corekit.registry import registry
from corekit.saving import compiled, filling, shards
from corekit.saving.format import Contents


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,  # Keras's name
    *,
    missing: Literal["error", "placeholder"] = "error",
    mmap: bool = False,
) -> Model:
    """Read a model that `model.save` wrote, or that Keras 3 wrote into a `.keras` file.

    Nothing in the file can name code: parts come from the registry, or from `custom_objects`. The whole file is
    checked, hashes included, before anything is built.

    Of a `.keras` file (extra `corekit[keras]`) it reads the layers and the weights, and passes over how the model was
    compiled, its optimizer's state, and seeds, since masks come from torch's generator. Layers and operations that
    corekit does not have are refused by name, and so is a Lambda: it is code.

    Args:
        filepath: of a `.safetensors` or `.keras` file; of a model in several files, the one that lists the others.
        custom_objects: classes of your own program by name, where they are not registered.
        compile: whether to compile it as it was when it was saved, with the optimizer's state if that was saved, so
            that `fit` and `evaluate` go on. False needs no plugin that only training does. A model from a `.keras`
            file, and one with placeholders, is not compiled.
        missing: what to do where a layer, or what it needs, is not here. "error", the default, names all that is
            missing. "placeholder" keeps the layer's description and weights in its place, so that the model can be
            looked at, changed and saved again without loss; calling it says what to install.
        mmap: whether large weights stay in the file, as with torch.load. It is checked all the same, and faster, since
            nothing is copied; processes that load the same file share its memory, and on its way to a device a weight
            takes none. What is trained is copied and the file stays as it is, but the file has to stay, too: weights
            change with a file that another program writes into, and where one cuts it short the process ends (SIGBUS).
            `model.save` does neither, since it makes a new file. So the default is False: a copy, in its own memory.

    Raises:
        ArgumentError: `missing` is neither of these, or "placeholder" or `mmap` for a `.keras` file.
        LoadError: `code` says why: "not-found", "not-corekit", "newer-format", "damaged", "missing-part",
            "bad-description", "wrong-kind", "weights-differ", "too-large", "weights-only"; of a `.keras` file also
            "not-keras", "other-version", "holds-code", "not-plain".
    """
    if missing not in ("error", "placeholder"):
        raise ArgumentError(f'load_model(missing={missing!r}): expected "error" or "placeholder".')
    path = Path(filepath)
    if missing == "placeholder" and path.suffix == ".keras":
        raise ArgumentError(
            f'load_model("{path}", missing="placeholder"): a placeholder keeps corekit\'s description of a layer, '
            "which a Keras file does not have.\n  Leave it out: all that is missing is named, and "
            "custom_objects={...} takes classes of your own."
        )
    is_other = path.suffix in (".keras", ".h5", ".hdf5")
    if mmap and is_other:
        raise ArgumentError(
            f'load_model("{path}", mmap=True): only the weights of a .safetensors file lie in it as they are in '
            "memory.\n  Leave mmap out, or bring the model over:  corekit convert MODEL.keras MODEL.safetensors"
        )
    if is_other:
        model = _other(path, custom_objects)
    else:
        model = _own(path, custom_objects, compile=compile, keep_missing=missing == "placeholder", mmap=mmap)
    model.eval()
    registry.call_hooks("model_loaded", model=model, path=str(filepath))
    return model


def _other(path: Path, custom_objects: Mapping[str, Any] | None) -> Model:
    if path.suffix == ".keras":
        from corekit.saving.keras_model import load_keras  # only who has such a file pays for it

        return load_keras(path, custom_objects)
    if path.name.endswith(".weights.h5"):
        raise _weights_only(path)
    raise LoadError(
        f"{path} is of Keras's older format, in which models can hold code.\n"
        f'  Bring it over in Keras:  keras.models.load_model("{path.name}").save("{path.stem}.keras").',
        code="not-keras",
    )


def _weights_only(path: Path) -> LoadError:
    return LoadError(
        f'{path} holds weights without a model.\n  Make the model, then  model.load_weights("{path}").',
        code="weights-only",
    )


def _own(
    path: Path, custom_objects: Mapping[str, Any] | None, *, compile: bool, keep_missing: bool, mmap: bool
) -> Model:
    contents, data = shards.read(path, mmap=mmap)
    if "architecture" not in contents.metadata:
        shards.refuse_part(path, contents)
        raise _weights_only(path)
    weights, state = compiled.split(contents)
    model = _built(Contents(contents.metadata, weights), custom_objects, str(path), keep_missing=keep_missing)
    filling.fill(model.named_weights(), weights, data)
    frozen = contents.metadata.get("frozen")
    for name, weight in model.named_parameters():
        weight.requires_grad_(name not in (frozen if isinstance(frozen, list) else ()))
    training = contents.metadata.get("training")
    if training is None or not (compile or keep_missing):
        return model
    tensors = {name: filling.tensor_of(data[name], held) for name, held in state.items()}
    if compile and not any(isinstance(part, Placeholder) for part in model.modules()):
        try:
            compiled.restore(model, training, tensors, custom_objects)
            return model
        except LoadError as error:
            if not keep_missing or error.code != "missing-part":
                raise
    compiled.keep(model, training, tensors, contents.metadata.get("requires"))
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
