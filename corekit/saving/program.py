"""A model as a program of torch operations alone: what an exported file holds. It names no plugin and no code."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx
from torch.export import Dim, ExportedProgram, ShapesCollection

from corekit.errors import CorekitError, SaveError
from corekit.model.inference import line_of
from corekit.model.model import Model
from corekit.protocols.layer import Layer
from corekit.protocols.reference import reference_of
from corekit.saving.sequences import open_sequences
from corekit.saving.signature import RECORDED, Signature

TORCHS = {"aten", "prim", "prims"}  # the namespaces of operations that every torch has
HALVES = (torch.bfloat16, torch.float16)
LOGGERS = ("torch", "onnxscript", "onnx_ir")
# What leaves a whole number as it is, on its way from an input to the table that it picks a row of.
KEEPS_NUMBERS = {
    "_to_copy", "alias", "chunk", "clone", "contiguous", "detach", "expand", "flatten", "flip", "permute", "reshape",
    "select", "slice", "split", "squeeze", "t", "to", "transpose", "unbind", "unsqueeze", "view",
}  # fmt: skip


@dataclass(frozen=True)
class Program:
    """What torch recorded of a model, the inputs that it takes, and what is known of their values.

    Attributes:
        exported: as torch has it; its operations are torch's own.
        signature: the arguments.
        vocabularies: for each input, how many whole numbers it may be, where it picks rows of a table; else None.
        coarsest: the floating-point dtype in use with the fewest digits; float32 where there is none.
    """

    exported: ExportedProgram
    signature: Signature
    vocabularies: list[int | None]
    coarsest: torch.dtype


def record(model: Model, signature: Signature) -> Program:
    """Record what a model computes, with every open axis open and plugins' ops replaced by their references.

    Raises:
        SaveError: the model cannot be recorded, fixes an axis that is declared open, or uses an op without reference.
    """
    inputs = [taken.zeros(*RECORDED).to(model.device) for taken in signature.inputs]
    shapes: Any = ShapesCollection()  # type: ignore[no-untyped-call]  # torch has no types here
    for taken, tensor in zip(signature.inputs, inputs, strict=True):
        shapes[tensor] = dict.fromkeys(taken.open_axes, Dim.DYNAMIC)
    args, kwargs = signature.filled(inputs)
    with torch.no_grad(), torchs_words_off(), open_sequences():
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # where torch prints half a program when it fails
                exported = torch.export.export(model, args, kwargs, dynamic_shapes=shapes)
        except CorekitError:
            raise
        except Exception as error:
            raise SaveError(_explained(model, signature, error)) from error
        exported = _portable(model, exported)
    for node in _nodes(exported):  # or the file tells the folders of this machine
        node.meta.pop("stack_trace", None)
    return Program(exported, signature, _vocabularies(exported, len(inputs)), _coarsest(exported))


@contextlib.contextmanager
def in_full_precision(model: Model) -> Iterator[None]:
    """Take a model's mixed precision away for a while: its layers compute as their weights are."""
    mixed = [part for part in model.modules() if isinstance(part, Layer) and part._policy and part._policy.is_mixed]
    policies = [part._policy for part in mixed]
    try:
        for part in mixed:
            part._policy = None
        yield
    finally:
        for part, policy in zip(mixed, policies, strict=True):
            part._policy = policy


@contextlib.contextmanager
def torchs_words_off() -> Iterator[None]:
    """Silence what torch says about itself while it exports; warnings of the model's own code stay."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        for category in (FutureWarning, DeprecationWarning):
            warnings.filterwarnings("ignore", category=category)
        warnings.filterwarnings("ignore", category=UserWarning, module=r"torch\.|onnx|copyreg")
        warnings.filterwarnings("ignore", r"The tensor attributes? .* assigned during export")  # torch takes it back
        try:
            for logger in loggers:
                logger.setLevel(logging.CRITICAL)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _nodes(exported: ExportedProgram) -> Iterator[fx.Node]:
    """Give the nodes of a program and of the graphs inside it."""
    for module in exported.graph_module.modules():
        if isinstance(module, fx.GraphModule):
            yield from module.graph.nodes


def _foreign(exported: ExportedProgram) -> dict[Any, str]:
    """Return the operations that are not torch's own, with their names."""
    operations = {node.target for node in _nodes(exported) if isinstance(node.target, torch._ops.OpOverload)}
    return {op: op._schema.name for op in operations if op.namespace not in TORCHS}


def _portable(model: Model, exported: ExportedProgram) -> ExportedProgram:
    """Return the program with references in the places of ops, and plain operations in that of autocast."""
    known = {op: reference_of(name) for op, name in _foreign(exported).items()}
    table = {op: _as_recorded(function, model.device.type) for op, function in known.items() if function is not None}
    is_nested = any(isinstance(node.target, torch._ops.HigherOrderOperator) for node in _nodes(exported))
    if table or is_nested:
        try:
            exported = exported.run_decompositions(table)
        except Exception as error:
            names = ", ".join(sorted(op._schema.name for op in table)) or "its parts"
            raise SaveError(
                f'"{model.name}" cannot be exported: torch could not record the reference of {names}'
                f"{line_of(error)}: {_first_line(error)}"
            ) from error
    left = sorted(set(_foreign(exported).values()))
    if left:
        raise SaveError(
            f'"{model.name}" cannot be exported: its op {left[0]} is a plugin\'s, and a file must do without plugins.\n'
            f'  In the plugin, write  @corekit.reference("{left[0]}")  above what it computes in plain torch.'
            + (f"\n  The same goes for {', '.join(left[1:])}." if left[1:] else "")
        )
    return exported


def _as_recorded(function: Callable[..., Any], device: str) -> Callable[..., Any]:
    """Return a reference that computes in its arguments' dtypes, as its op was recorded to do, under autocast too."""

    def run(*args: Any, **kwargs: Any) -> Any:
        with torch.autocast(device, enabled=False):
            return function(*args, **kwargs)

    return run


def _explained(model: Model, signature: Signature, error: Exception) -> str:
    """Return why torch could not record the model, as somebody who wrote the model needs it."""
    text, where = str(error), f'"{model.name}" cannot be exported'
    axes = re.findall(r"size\(\)\[(\d+)\]|\.shape\[(\d+)\]|dim(?:ension)? (\d+)", text)
    if "specialized" in text or "Constraints violated" in text:
        numbers = sorted({next(filter(None, found)) for found in axes}) or ["some"]
        inputs = ", ".join(f"{t.name} {_shape(t.shape)}" for t in signature.inputs)
        return (
            f"{where}: its code fixes the size of axis {', '.join(numbers)} of an input, which is declared "
            f"open ({inputs}){line_of(error)}.\n"
            "  Give the size where the input is declared, for example Input(shape=(20, 3)) or Input(batch_size=1), or "
            "write the code without a Python number for it."
        )
    if "data-dependent" in text.lower() or "DataDependent" in type(error).__name__ or "Could not guard" in text:
        return (
            f"{where}: its code looks at values of tensors, which a file cannot{line_of(error)}: {_first_line(error)}\n"
            "  Write torch.where(condition, a, b) for a branch on values, and no .item(), .tolist() or numpy in call."
        )
    return f"{where}: torch could not record its call{line_of(error)}: {_first_line(error)}"


def _shape(shape: Any) -> str:
    return "(" + ", ".join("open" if size is None else str(size) for size in shape) + ")"


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no word'}"


def _user_inputs(exported: ExportedProgram) -> list[str]:
    """Return the names of the nodes through which tensors come in."""
    specs = exported.graph_signature.input_specs
    return [
        spec.arg.name
        for spec in specs
        if spec.kind is torch.export.graph_signature.InputKind.USER_INPUT
        and isinstance(spec.arg, torch.export.graph_signature.TensorArgument)
    ]


def _vocabularies(exported: ExportedProgram, count: int) -> list[int | None]:
    """Return how many whole numbers each input may be, where it picks rows of tables; the smallest table counts."""
    names = _user_inputs(exported)
    found: dict[str, int] = {}
    for node in exported.graph.nodes:
        operation = getattr(node.target, "_opname", "")
        if operation == "embedding":
            size, index = _value(node.args[0]).shape[0], node.args[1]
        elif operation == "one_hot":
            size, index = node.args[1], node.args[0]
        else:
            continue
        for name in _origins(index) & set(names):
            if isinstance(size, int) and size > 0:
                found[name] = min(size, found.get(name, size))
    assert len(names) == count, f"torch recorded {len(names)} inputs of {count}"
    return [found.get(name) for name in names]


def _origins(node: fx.Node) -> set[str]:
    """Return the names of the inputs whose numbers arrive at a node unchanged."""
    waiting, seen = [node], set()
    while waiting:
        here = waiting.pop()
        if here.name in seen:
            continue
        seen.add(here.name)
        if here.op == "call_function" and _keeps_numbers(here):
            waiting += here.all_input_nodes
    return seen


def _keeps_numbers(node: fx.Node) -> bool:
    return getattr(node.target, "_opname", getattr(node.target, "__name__", "")) in KEEPS_NUMBERS | {"getitem", "cat"}


def _value(node: Any) -> Any:
    return node.meta["val"]


def _coarsest(exported: ExportedProgram) -> torch.dtype:
    """Return the floating-point dtype with the fewest digits among all values."""
    values = [value for node in _nodes(exported) for value in _tensors(node.meta.get("val"))]
    dtypes = {value.dtype for value in values if value.dtype.is_floating_point}
    return max(dtypes, key=lambda dtype: torch.finfo(dtype).eps, default=torch.float32)


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in _tensors(item)]
    return [value] if isinstance(value, Tensor) else []
