"""From a model to a file that other programs run: ONNX, or torch's own `.pt2`. What is written was run and compared."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from corekit.errors import ArgumentError, SaveError
from corekit.model.inference import line_of
from corekit.model.model import Model
from corekit.model.naming import free_name
from corekit.protocols.building import axis_sizes
from corekit.protocols.dtype import dtype_name
from corekit.protocols.layer import Layer
from corekit.protocols.tree import leaves
from corekit.saving import onnx_file
from corekit.saving.agreement import difference
from corekit.saving.atomic import replacing
from corekit.saving.program import Program, in_full_precision, record, torchs_words_off
from corekit.saving.signature import Signature, batches, signature_of

SUFFIXES = {"onnx": ".onnx", "pt2": ".pt2"}
FORMATS = {"onnx": "onnx", "pt2": "pt2", "torch": "pt2"}  # Keras's word for pt2 is "torch"
Run = Callable[[list[Tensor]], list[Tensor]]


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: of the file.
        format: "onnx" or "pt2".
        inputs: name, shape with None for an open axis, and dtype of each input.
        outputs: the outputs' names.
        size: of the file, in bytes.
        checked_by: what ran the file; None where onnxruntime is not installed.
        difference: the largest between the file's outputs and the model's, in units of the largest output, or of 1
            where that is smaller; None where it was not run.
    """

    path: str
    format: str
    inputs: list[tuple[str, tuple[int | None, ...], str]]
    outputs: list[str]
    size: int
    checked_by: str | None
    difference: float | None

    def __str__(self) -> str:
        size = f"{self.size / 2**20:.1f} MB" if self.size >= 2**20 else f"{self.size / 2**10:.1f} kB"
        checked = "not checked" if self.checked_by is None else (
            f"{self.checked_by} gives the model's outputs, to {self.difference:.0e}"
        )  # fmt: skip
        return f"{self.path}: {size}; takes {_written(self.inputs)}; gives {', '.join(self.outputs)}; {checked}."


def _written(inputs: list[tuple[str, tuple[int | None, ...], str]]) -> str:
    return ", ".join(f"{name} {axis_sizes(shape)} {dtype}" for name, shape, dtype in inputs)


def export_model(
    model: Model, filepath: str | os.PathLike[str], *, format: str | None = None, input_signature: Any = None
) -> Exported:
    """Write what a model computes at inference into a file that runs without corekit and its plugins.

    The batch stays open, and so does every axis that was declared so. Before the file takes its place it is run on
    random inputs of two batch sizes and compared with the model. The model stays as it is: flags, weights, device.

    A `.pt2` file computes on the model's device (`model.cpu()` before it if that shall be the CPU), and in mixed
    precision where the model does. ONNX runtimes have few operations in half precision, so there the layers of a mixed
    policy compute in their weights' dtype, and the file is compared with the model computing so.

    Args:
        model: built.
        filepath: its ending says which format.
        format: "onnx" or "torch" (also "pt2"), where the ending does not say it.
        input_signature: one entry for each argument of the model's call, where the model was not drawn and shall not
            take what it was called with first; see `signature_of`.

    Raises:
        ArgumentError: another format is asked for.
        SaveError: the model is not built, or cannot be recorded, or the file gives other numbers than the model. A file
            that was there before is untouched.
    """
    path, kind = _target(Path(filepath), format)
    if not model.built:
        raise SaveError(
            f'"{model.name}" is not built, so there is nothing to export. Call it once, or give its first layer an '
            "input_shape."
        )
    if model.device.type == "meta":
        raise SaveError(f'"{model.name}" is on the meta device, so it has no values to export.')
    if kind == "onnx":
        onnx_file.check_installed()
    signature = signature_of(model, input_signature)
    with _left_as_it_is(model), in_full_precision(model) if kind == "onnx" else contextlib.nullcontext():
        program = record(model, signature)
        samples = _samples(model, program)
        outputs = _output_names(model, program)
        content = onnx_file.as_bytes(model.name, program, outputs) if kind == "onnx" else _torch_bytes(program)
        with replacing(path) as file:
            file.write(content)
            file.flush()
            checked_by, apart = _check(model, program, samples, kind, file.name)
    inputs = [(taken.name, taken.shape, dtype_name(taken.dtype)) for taken in signature.inputs]
    return Exported(str(path), kind, inputs, outputs, len(content), checked_by, apart)


def _target(path: Path, format: str | None) -> tuple[Path, str]:
    """Return the path and "onnx" or "pt2"."""
    by_suffix = next((kind for kind, suffix in SUFFIXES.items() if path.suffix == suffix), None)
    kind = by_suffix if format is None else FORMATS.get(format)
    if kind is None:
        asked = f"format={format!r} is not there" if format is not None else "the ending says no format"
        raise ArgumentError(
            f'export("{path}"): {asked}; corekit writes ONNX and torch\'s pt2.\n'
            f'  Write  model.export("{path.stem}.onnx")  or  model.export("{path.stem}.pt2").'
        )
    if by_suffix not in (None, kind):
        raise ArgumentError(f'export("{path}", format={format!r}): the ending says {by_suffix}. Write one of the two.')
    if not path.parent.is_dir():
        raise SaveError(f"{path} cannot be written: there is no folder {path.parent}.")
    return path, kind


@contextlib.contextmanager
def _left_as_it_is(model: Model) -> Iterator[None]:
    """Let no layer train, and bring back afterwards what recording and running may change."""
    layers = [(part, list(part._added_losses)) for part in model.modules() if isinstance(part, Layer)]
    states = [
        (module, name, buffer, buffer.clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    try:
        with torch.no_grad(), model._mode(False):
            yield
    finally:
        for part, losses in layers:
            part._added_losses[:] = losses
        with torch.no_grad():
            for module, name, buffer, value in states:
                module._buffers[name] = buffer
                if buffer._version:
                    buffer.copy_(value)


def _output_names(model: Model, program: Program) -> list[str]:
    """Return a name for each output, which no input has: the layers' names, or what a subclass's dict says."""
    taken = [one.name for one in program.signature.inputs]
    form = program.exported.call_spec.out_spec
    assert form is not None
    given = _keys(form.unflatten([None] * form.num_leaves), "output") if model.graph is None else model.output_names
    names: list[str] = []
    for name in given:
        names.append(free_name(name, [*taken, *names]))
    return names


def _keys(outputs: Any, name: str) -> list[str]:
    if isinstance(outputs, dict):
        return [found for key, value in outputs.items() for found in _keys(value, str(key))]
    if isinstance(outputs, (list, tuple)):
        return [found for number, value in enumerate(outputs) for found in _keys(value, f"{name}_{number}")]
    return [name]


def _torch_bytes(program: Program) -> memoryview:
    """Return a torch file. Why not written at once: where the disk is full, torch 2.13 then ends the whole process."""
    content = io.BytesIO()
    with torchs_words_off():
        torch.export.save(program.exported, content)
    return content.getbuffer()


@dataclass(frozen=True)
class _Sample:
    """Random inputs, and what the model gives for them."""

    batch: int
    inputs: list[Tensor]
    outputs: list[Tensor]


def _samples(model: Model, program: Program) -> list[_Sample]:
    """Run the model on random inputs.

    Raises:
        SaveError: it cannot take what it says it takes.
    """
    samples = []
    for batch, tensors in batches(program.signature.inputs, program.vocabularies):
        tensors = [tensor.to(model.device) for tensor in tensors]
        args, kwargs = program.signature.filled([tensor.clone() for tensor in tensors])
        try:
            samples.append(_Sample(batch, tensors, list(leaves(model(*args, **kwargs)))))
        except Exception as error:
            taken = _written([(one.name, one.shape, dtype_name(one.dtype)) for one in program.signature.inputs])
            raise SaveError(
                f'"{model.name}" cannot be exported: it fails on random values of what it takes, {taken}'
                f"{line_of(error)}: {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}\n"
                "  Say what it takes:  model.export(..., input_signature=[an example, with the batch first])."
            ) from error
    return samples


def _check(model: Model, program: Program, samples: list[_Sample], kind: str, path: str) -> tuple[Any, Any]:
    """Run the file on what the model was run on, and return what ran the file, and the largest difference.

    Raises:
        SaveError: they differ.
    """
    if kind == "onnx" and not onnx_file.can_run():
        warnings.warn(f"the ONNX file was not run: onnxruntime is not installed.\n{onnx_file.INSTALL}", stacklevel=4)
        return None, None
    run = onnx_file.runner(model.name, path) if kind == "onnx" else _torch_runner(program.signature, path)
    ran_by = "onnxruntime" if kind == "onnx" else "torch"
    largest = 0.0
    for sample in samples:
        where = f'"{model.name}" cannot be exported: with a batch of {sample.batch}, {ran_by} '
        try:
            outputs = run(sample.inputs)
        except Exception as error:
            raise SaveError(f"{where}cannot run the file: {str(error).strip().partition(chr(10))[0]}") from error
        largest = max(largest, difference(where, sample.outputs, outputs, program.coarsest))
    return ran_by, largest


def _torch_runner(signature: Signature, path: str) -> Run:
    with torchs_words_off(), open(path, "rb") as file:
        module = torch.export.load(file).module()

    def run(tensors: list[Tensor]) -> list[Tensor]:
        args, kwargs = signature.filled(tensors)
        return list(leaves(module(*args, **kwargs)))

    return run
