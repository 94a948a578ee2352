"""The one place that calls private functions of torch's compiler: without guards, on a graph that was captured.

Why: torch.compile checks guards and unpacks arguments before each call, and a step of a small model is over in a
quarter of a millisecond. The public way costs 1.1 to 2 times as much there; `benchmarks` has the figures. It is taken
wherever anything here is not as expected (`CompilerError`).
"""

from __future__ import annotations

import contextlib
import copyreg
import functools
import io
import os
import pickle
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from corekit.protocols.tracing import no_grad
from corekit.training.engine.capture import first_line
from corekit.training.torch_version import is_tested


class CompilerError(RuntimeError):
    """torch's compiler cannot make this graph, or is not the one that this file knows."""


class NotCachedError(CompilerError):
    """The compiled code is not in the cache on disk, and was not to be made now."""


def check_machine() -> None:
    """Raise a CompilerError where torch is older or newer than what was tested, or there is no C++ compiler."""
    if not is_tested():
        raise CompilerError(f"torch {torch.__version__} was not tested")
    compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(compiler) is None:
        how = {"linux": "apt install g++", "darwin": "xcode-select --install"}.get(sys.platform, "set CXX to one")
        raise CompilerError(f"there is no C++ compiler {compiler!r} ({how}), which torch needs to compile a step")


def as_bytes(graph: Any) -> bytes:
    """Return a captured graph as data that another process can compile.

    Raises:
        CompilerError: it holds what cannot be written, such as a constant tensor or a function of the user's script.
    """
    nodes = [(node.op, node.name, node.target, node.args, node.kwargs) for node in graph.graph.nodes]
    if unknown := {node[0] for node in nodes} - {"placeholder", "call_function", "call_method", "output"}:
        raise CompilerError(f"the graph holds {', '.join(sorted(unknown))}")
    buffer = io.BytesIO()
    try:
        _NodePickler(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(nodes)
    except (pickle.PicklingError, AttributeError, TypeError, RuntimeError) as error:
        raise CompilerError(f"the graph cannot be written: {error}") from error
    return buffer.getvalue()


def compile_graph(data: bytes, inputs: list[Tensor], *, only_cached: bool = False) -> Callable[[list[Any]], Any]:
    """Compile a graph for inputs like these; the result takes them as one list, which it empties.

    Args:
        data: from `as_bytes`. The graph is always rebuilt from it, so that every process finds the same cache entry.
        inputs: tensors of the shapes, strides and dtypes to compile for; they are neither read nor changed.
        only_cached: whether to raise rather than compile.

    Raises:
        NotCachedError: `only_cached`, and it is not in the cache.
        CompilerError: anything else that stands in the way.
    """
    check_machine()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's own modules, some of which use deprecated parts of torch
            return _compiled(_from_bytes(data), inputs, only_cached)
    except CompilerError:
        raise
    except Exception as error:  # torch's compiler raises nearly everything, a missing C++ compiler among it
        cause = next((e for e in _causes(error) if isinstance(e, CompilerError)), None)
        raise cause or CompilerError(f"{type(error).__name__}: {first_line(error)}") from error


def runnable(data: bytes) -> Callable[..., Any]:
    """Return a graph from `as_bytes` as a function that runs its operations one by one."""
    forward: Callable[..., Any] = _from_bytes(data).forward
    return forward


def public_backend(graph: Any, inputs: list[Any]) -> Callable[..., Any]:
    """Compile a captured graph as torch.compile does."""
    from torch._dynamo import lookup_backend
    from torch._inductor import config

    with config.patch(fallback_random=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled: Callable[..., Any] = lookup_backend("inductor")(graph, inputs)
    return compiled


class _NodePickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> str | None:
        return value.name if isinstance(value, torch.fx.Node) else None

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, torch._ops.OpOverloadPacket):
            return _op, (value._qualified_op_name.replace("::", "."),)
        if isinstance(value, torch._ops.OpOverload):
            packet = value.overloadpacket._qualified_op_name.replace("::", ".")
            return _op, (f"{packet}.{value._overloadname}",)
        return NotImplemented


class _NodeUnpickler(pickle.Unpickler):
    """Reads nodes back; one that names an earlier node gets that node. Only for data of this very program."""

    def __init__(self, buffer: io.BytesIO) -> None:
        super().__init__(buffer)
        self.holders: dict[str, Any] = {}

    def persistent_load(self, name: str) -> Any:
        return self.holders.setdefault(name, _Named(name))


def _op(name: str) -> Any:
    """Return an op, `namespace.name`, or an overload of one, `namespace.name.overload`. Its plugin is imported."""
    return functools.reduce(getattr, name.split("."), torch.ops)


class _Named:
    """Stands for a node while the nodes are read."""

    def __init__(self, name: str) -> None:
        self.name = name


def _from_bytes(data: bytes) -> Any:
    graph = torch.fx.Graph()
    nodes: dict[str, Any] = {}
    for operation, name, target, args, kwargs in _NodeUnpickler(io.BytesIO(data)).load():
        args, kwargs = (_filled(part, nodes) for part in (args, kwargs))
        nodes[name] = graph.create_node(operation, target, args, kwargs, name=name)
    return torch.fx.GraphModule({}, graph)


def _filled(value: Any, nodes: dict[str, Any]) -> Any:
    if isinstance(value, _Named):
        return nodes[value.name]
    if isinstance(value, (tuple, list)):
        parts = [_filled(part, nodes) for part in value]
        return parts if isinstance(value, list) else type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, dict):
        return {key: _filled(part, nodes) for key, part in value.items()}
    if isinstance(value, slice):
        return slice(*(_filled(part, nodes) for part in (value.start, value.stop, value.step)))
    return value


def _compiled(graph: Any, inputs: list[Tensor], only_cached: bool) -> Callable[[list[Any]], Any]:
    from torch._functorch import config as functorch_config  # each import costs: only who compiles pays
    from torch._guards import TracingContext, tracing
    from torch._inductor import compile_fx, config
    from torch._subclasses import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    found: list[Any] = []

    def inner(lowered: Any, example: Any, **options: Any) -> Any:
        if len(example) != len(inputs) or any(
            node.op == "output" and any(node.args[0]) for node in lowered.graph.nodes
        ):
            raise CompilerError("torch changed the inputs or results of the graph")
        found.append(compile_fx.compile_fx_inner(lowered, example, **options))
        return found[-1]

    mode = FakeTensorMode(shape_env=ShapeEnv())
    fakes = [mode.from_tensor(tensor, static_shapes=True) for tensor in inputs]
    context = TracingContext(mode)
    with (
        tracing(context),
        config.patch(
            fallback_random=True,  # dropout draws the numbers that eager draws
            size_asserts=False,  # the caller compares shapes; within the graph they follow
        ),
        functorch_config.patch(enable_autograd_cache=False),  # it would pass by `inner`
        _same_key_everywhere(),
        _refusing_to_compile(compile_fx) if only_cached else contextlib.nullcontext(),
    ):
        compile_fx.compile_fx(graph, fakes, inner_compile=inner)
    metadata = context.fw_metadata
    if len(found) != 1 or metadata is None or metadata.mutated_inp_runtime_indices or metadata.tokens:
        raise CompilerError("torch wants to change inputs after the graph has run")
    compiled = getattr(found[0], "current_callable", None) or found[0]  # inside of it is only accounting

    def run(values: list[Any]) -> Any:
        with no_grad():  # gradients are inside the graph
            return compiled(values)

    return run


@contextlib.contextmanager
def _refusing_to_compile(compile_fx: Any) -> Iterator[None]:
    """Let the compiler look into its cache, but raise where it would start to work."""
    work = compile_fx.fx_codegen_and_compile

    def refuse(*args: Any, **options: Any) -> Any:
        raise NotCachedError("the compiled step is not in torch's cache")

    compile_fx.fx_codegen_and_compile = refuse
    try:
        yield
    finally:
        compile_fx.fx_codegen_and_compile = work


@contextlib.contextmanager
def _same_key_everywhere() -> Iterator[None]:
    """Let every process find the same entry in the cache, whatever it imported first.

    The key is a hash of a pickle, and pickle names `torch.float32` and `torch.contiguous_format` by the first module
    in `sys.modules` that has them, or that has `torch`: another one in each program.
    """
    before = {kind: copyreg.dispatch_table.get(kind) for kind in (torch.dtype, torch.memory_format)}
    for kind in before:
        copyreg.pickle(kind, lambda value: (_of_torch, (str(value).removeprefix("torch."),)))
    try:
        yield
    finally:
        for kind, reducer in before.items():
            del copyreg.dispatch_table[kind]
            if reducer is not None:
                copyreg.dispatch_table[kind] = reducer


def _of_torch(name: str) -> Any:
    return getattr(torch, name)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
