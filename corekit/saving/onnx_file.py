"""The ONNX form of an exported model: written by torch's exporter, run by onnxruntime to check it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from corekit.errors import SaveError
from corekit.model.naming import free_name
from corekit.saving.program import Program, torchs_words_off
from corekit.saving.sequences import open_sequences

LARGEST = 2**31 - 2**20  # bytes that protobuf, in which ONNX is written, can hold, with some to spare
INSTALL = '  pip install "corekit[export]"'


def check_installed() -> None:
    """Raise SaveError where what writes ONNX is not installed."""
    missing = [name for name in ("onnx", "onnxscript") if importlib.util.find_spec(name) is None]
    if missing:
        raise SaveError(f"ONNX files are written with {' and '.join(missing)}, not installed here.\n{INSTALL}")


def can_run() -> bool:
    """Return whether onnxruntime is installed."""
    return importlib.util.find_spec("onnxruntime") is not None


def as_bytes(name: str, program: Program, output_names: list[str]) -> bytes:
    """Return the ONNX file of a program.

    Args:
        name: of the model, for errors.
        program: what to write.
        output_names: one for each output; none of them an input's.

    Raises:
        SaveError: an operation has no form in ONNX, or the file would be too large.
    """
    size = sum(value.nbytes for value in [*program.exported.state_dict.values(), *_constants(program)])
    if size > LARGEST:
        raise SaveError(
            f'"{name}" has {size / 2**30:.1f} GB of weights, and an ONNX file holds at most 2.\n'
            '  Write a torch file instead:  model.export("model.pt2").'
        )
    with torch.no_grad(), torchs_words_off(), open_sequences():
        try:
            made: Any = torch.onnx.export(program.exported, dynamo=True, verbose=False, optimize=True)
        except Exception as error:
            raise SaveError(_explained(name, error)) from error
        proto = made.model_proto
    del made
    _forget_origin(proto)
    _name_ends(proto.graph, [taken.name for taken in program.signature.inputs], output_names)
    _name_axes(proto.graph, program)
    content: bytes = proto.SerializeToString()
    return content


def _constants(program: Program) -> list[Tensor]:
    return [value for value in program.exported.constants.values() if isinstance(value, Tensor)]


def _explained(name: str, error: Exception) -> str:
    chain, seen = [error], str(error)
    while chain[-1].__cause__ is not None:
        chain.append(chain[-1].__cause__)  # type: ignore[arg-type]  # the loop ends at None
        seen += f"\n{chain[-1]}"
    operation = re.search(r"No ONNX function found for <OpOverload\(op='([^']+)'", seen)
    why = (
        f"torch's operation {operation[1]} has no form in ONNX"
        if operation
        else f"{type(chain[-1]).__name__}: " + (str(chain[-1]).strip().partition("\n")[0])
    )
    return (
        f'"{name}" cannot be written as ONNX: {why}.\n  A torch file takes every operation:  model.export("model.pt2").'
    )


def _forget_origin(proto: Any) -> None:
    """Take away what the exporter notes of the source code, with the folders of this machine."""
    for holder in [proto, proto.graph, *_nodes(proto.graph), *(n for f in proto.functions for n in f.node)]:
        del holder.metadata_props[:]
        holder.doc_string = ""
    for value in _values(proto.graph):
        del value.metadata_props[:]


def _nodes(graph: Any) -> Iterable[Any]:
    """Give the nodes of a graph and of the graphs in its nodes."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                yield from _nodes(inner)


def _name_ends(graph: Any, inputs: list[str], outputs: list[str]) -> None:
    """Name inputs and outputs. Torch would do it too, but not look whether a value in between has the name already."""
    seen = {value.name for value in graph.input}
    for value in graph.output:  # one that is an input, or an output twice, has one name and needs two
        if value.name in seen:
            graph.node.add(op_type="Identity", input=[value.name], output=[f"{value.name}_{len(seen)}_again"])
            value.name = graph.node[-1].output[0]
        seen.add(value.name)
    names = dict(zip([value.name for value in [*graph.input, *graph.output]], [*inputs, *outputs], strict=True))
    nodes = list(_nodes(graph))
    taken = {*names.values(), *(name for node in nodes for name in node.output), *(i.name for i in graph.initializer)}
    for name in sorted(taken & set(names.values()) - names.keys()):
        names[name] = free_name(name, taken)
        taken.add(names[name])
    for node in nodes:
        for used in (node.input, node.output):
            used[:] = [names.get(name, name) for name in used]
    for value in [*_values(graph), *graph.initializer]:
        value.name = names.get(value.name, value.name)


def _values(graph: Any) -> list[Any]:
    return [*graph.input, *graph.output, *graph.value_info]


def _name_axes(graph: Any, program: Program) -> None:
    """Call the first axis of inputs "batch", and other open ones after the input, in place of torch's s77."""
    names: dict[str, str] = {}
    for value, taken in zip(graph.input, program.signature.inputs, strict=True):
        for axis in taken.open_axes:
            symbol = value.type.tensor_type.shape.dim[axis].dim_param
            names.setdefault(symbol, f"{taken.name}_{axis}" if axis else "batch")
    for value in _values(graph):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = re.sub(r"\w+", lambda word: names.get(word[0], word[0]), dim.dim_param)


def runner(name: str, path: str) -> Callable[[list[Tensor]], list[Tensor]]:
    """Return a function that runs an ONNX file on tensors with onnxruntime, on the CPU.

    Raises:
        SaveError: onnxruntime cannot load it.
    """
    import onnxruntime  # optional, and slow to import

    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise SaveError(
            f'"{name}" was written as ONNX, but onnxruntime {onnxruntime.__version__} cannot run it: '
            f"{str(error).strip().partition(chr(10))[0]}\n"
            '  A torch file takes every operation and dtype:  model.export("model.pt2").'
        ) from error
    names = [given.name for given in session.get_inputs()]

    def run(tensors: list[Tensor]) -> list[Tensor]:
        arrays = [tensor.detach().cpu().numpy() for tensor in tensors]
        return [torch.as_tensor(array) for array in session.run(None, dict(zip(names, arrays, strict=True)))]

    return run
