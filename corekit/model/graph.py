"""The functional graph: symbolic tensors remember how they come about; a Graph runs the way from inputs to outputs.

A Graph holds no symbolic tensor, only a flat plan over numbered slots, so that a model of a thousand layers copies
and pickles without deep recursion.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch

from corekit.errors import ArgumentError, ArgumentTypeError, LayerError
from corekit.model.inference import Spec, infer
from corekit.model.running import Plan, Slot, Step, fill
from corekit.protocols.building import as_tensor, axis_sizes
from corekit.protocols.dtype import as_dtype, dtype_name
from corekit.protocols.layer import Layer
from corekit.protocols.symbolic import Symbolic
from corekit.protocols.tree import leaves, map_tree

_count = itertools.count()

ARITHMETIC = ("add", "sub", "mul", "truediv", "pow", "matmul")
OPERATORS: dict[str, Callable[..., Any]] = {
    name: getattr(operator, name)
    for name in (*ARITHMETIC, "floordiv", "mod", "neg", "abs", "getitem", "lt", "le", "gt", "ge")
}


# What torch calls the operators that a tensor on their left may leave to a symbolic tensor on their right.
_LEFT_TO_US = {"add", "sub", "mul", "div", "true_divide", "__truediv__", "pow", "__pow__", "matmul", "__matmul__"}


class Node:
    """One call in a drawn model."""

    def __init__(self, operation: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.operation, self.args, self.kwargs = operation, args, kwargs
        self.outputs: Any = None
        self.number = next(_count)  # a call is drawn after those it needs, so numbers are an order to run in


class SymbolicTensor(Symbolic):
    """A tensor of a model that is being drawn: pass it to layers, ops and operators.

    Args:
        spec: its shape and dtype.
        node: the call that gives it; None for an input.
        name: of an input.
    """

    def __init__(self, spec: Spec, node: Node | None = None, name: str | None = None) -> None:
        self.shape = spec.shape
        self.dtype = spec.dtype
        self.node = node
        self.name = name or f"tensor_{next(_count)}"

    @property
    def ndim(self) -> int:
        """The number of axes, the batch included."""
        return len(self.shape)

    def record(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Note the call as a node and return its symbolic outputs."""
        if kwargs or len(args) != 1 or args[0] is not self:
            args, kwargs = map_tree(as_tensor, (args, kwargs))
        specs = infer(operation, args, kwargs)
        node = Node(operation, args, kwargs)
        node.outputs = _map_specs(lambda spec: SymbolicTensor(spec, node), specs)
        if isinstance(operation, Layer):
            operation.drawn_calls.append((args[0] if args else None, node.outputs))
        return node.outputs

    @classmethod
    def __torch_function__(cls, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Explain that torch functions and bare modules need a layer around them."""
        name = getattr(function, "__name__", str(function))
        if name in _LEFT_TO_US and len(args) == 2 and isinstance(args[1], SymbolicTensor):
            return NotImplemented  # tensor + x: Python asks x next
        home = "torch" if hasattr(torch, name) else "torch.nn.functional"
        raise LayerError(
            f"torch's {name} got a symbolic tensor: a model is being drawn, so there are no values yet.\n"
            f"  Around a torch module write  corekit.layer(module)(x);  for a function write  "
            f"corekit.layer(lambda x: {home}.{name}(x))(x)  or a Layer class with a call."
        )

    __array_priority__ = 1000.0  # array + x: numpy lets x answer

    def __getattr__(self, name: str) -> Any:
        """Explain that a tensor's methods need a layer around them."""
        known = hasattr(torch.Tensor, name) and not name.startswith("_")
        hint = f"  Write  corekit.layer(lambda x: x.{name}(...))(x)  or a Layer class with a call." if known else ""
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}: it has no values yet.{hint}")

    def __iter__(self) -> Any:
        raise ArgumentTypeError(f"{self!r} cannot be iterated: it has no values yet. Index it, as in x[:, 0].")

    def __bool__(self) -> bool:
        raise ArgumentTypeError(
            f"{self!r} is neither true nor false: it has no values yet. Put the branch into a layer's call."
        )

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise ArgumentTypeError(f"{self!r} has no values, so numpy cannot take it. Put the code into a layer's call.")

    def __repr__(self) -> str:
        return f"<symbolic {self.name} {axis_sizes(self.shape)} {dtype_name(self.dtype)}>"


def _operator(name: str, *, reflected: bool = False) -> Callable[..., Any]:
    function = OPERATORS[name]

    def method(self: SymbolicTensor, *others: Any) -> Any:
        return self.record(function, (*others, self) if reflected else (self, *others), {})

    return method


for _name in OPERATORS:
    setattr(SymbolicTensor, f"__{_name}__", _operator(_name))
    if _name in ARITHMETIC:
        setattr(SymbolicTensor, f"__r{_name}__", _operator(_name, reflected=True))


def Input(  # noqa: N802 - a function with a class's name, as in Keras
    shape: Sequence[int | None] | int | None = None,
    batch_size: int | None = None,
    dtype: str | torch.dtype | None = None,
    name: str | None = None,
) -> Any:
    """Return a symbolic tensor to draw a model from.

    Args:
        shape: of one sample, without the batch; None for an axis of open size.
        batch_size: only where the model needs it fixed; default open.
        dtype: default `corekit.config.floatx()`.
        name: how errors and dicts of inputs call it.

    Raises:
        ArgumentError: no shape, or one with something that is no size.

    Example:
        >>> Input(shape=(784,), name="pixels")
        <symbolic pixels (batch, 784) float32>

    Reference: https://keras.io/api/layers/core_layers/input/
    """
    sizes = (shape,) if isinstance(shape, int) else shape
    if sizes is None or not all(size is None or (isinstance(size, int) and size >= 0) for size in sizes):
        raise ArgumentError(
            f"Input(shape={shape!r}): expected the shape of one sample, without the batch. "
            "Write for example Input(shape=(784,))."
        )
    return SymbolicTensor(Spec((batch_size, *sizes), as_dtype(dtype)), name=name or f"input_{next(_count)}")


class Graph:
    """A drawn model as a plan: the calls between its inputs and its outputs, in an order that works.

    Args:
        steps: the calls; their arguments and outputs name slots.
        specs: shape and dtype of each slot.
        inputs: structure of the slots that callers fill.
        outputs: structure of the slots that callers get.
        input_names: one name for each input.
    """

    def __init__(self, steps: list[Step], specs: list[Spec], inputs: Any, outputs: Any, input_names: list[str]) -> None:
        self.steps, self.specs, self.inputs, self.outputs = steps, specs, inputs, outputs
        self.input_names = input_names
        self._free_early()
        self._plan = Plan(steps, len(specs), inputs, outputs)
        self._logits_plan = self._plan.calling(
            {id(s): s.operation.precise_logits for s in self._last_steps() if s is not None}
        )

    def layers(self) -> list[Layer]:
        """Return the layers in the order of their first call."""
        found: dict[int, Layer] = {}
        for step in self.steps:
            if isinstance(step.operation, Layer):
                found.setdefault(id(step.operation), step.operation)
        return list(found.values())

    def run(self, inputs: Any, *, to_logits: bool = False) -> Any:
        """Compute the outputs; with `to_logits`, without the activations that `link_activations` names."""
        plan = self._logits_plan if to_logits else self._plan
        if isinstance(inputs, torch.Tensor) and isinstance(self.inputs, Slot):
            return plan.run_on_tensor(inputs)
        return plan.run(leaves(self._arranged(inputs)))

    def link_activations(self) -> list[Any]:
        """Return, for each output, the activation that its layer applies last, or None."""
        return [None if step is None else step.operation.link_activation for step in self._last_steps()]

    def symbols(self) -> tuple[Any, Any]:
        """Return symbolic inputs and outputs, and note the calls in between, so that drawing can go on from here."""
        tensors: dict[int, SymbolicTensor] = {}
        for slot, name in zip(leaves(self.inputs), self.input_names, strict=True):
            tensors[slot.index] = SymbolicTensor(self.specs[slot.index], name=name)
        for layer in self.layers():
            layer.drawn_calls.clear()
        for step in self.steps:
            node = Node(step.operation, fill(step.args, tensors), fill(step.kwargs, tensors))
            for slot in leaves(step.outputs):
                tensors[slot.index] = SymbolicTensor(self.specs[slot.index], node)
            node.outputs = fill(step.outputs, tensors)
            if isinstance(step.operation, Layer):
                step.operation.drawn_calls.append((node.args[0] if node.args else None, node.outputs))
        return fill(self.inputs, tensors), fill(self.outputs, tensors)

    def _arranged(self, inputs: Any) -> Any:
        """Bring what a caller gave (a tensor, a list, a dict by input name) into the form of `self.inputs`."""
        if isinstance(inputs, dict) and not (isinstance(self.inputs, Slot) and self.input_names[0] not in inputs):
            names = list(self.inputs) if isinstance(self.inputs, dict) else self.input_names
            missing = [name for name in names if name not in inputs]
            if missing:
                raise ArgumentError(
                    f"the model's inputs are {', '.join(names)}; missing from the dict: {', '.join(missing)}."
                )
            return [inputs[name] for name in names]
        count = sum(1 for _ in leaves(inputs))
        if count != len(self.input_names):
            one = len(self.input_names) == 1
            raise ArgumentError(
                f"the model has {len(self.input_names)} {'input' if one else 'inputs'} "
                f"({', '.join(self.input_names)}), got {count}. "
                + ("Give one tensor." if one else "Give a list of that many tensors, or a dict by name.")
            )
        return inputs

    def _free_early(self) -> None:
        kept = {slot.index for slot in leaves(self.outputs)}
        for step in reversed(self.steps):
            used = {s.index for s in leaves((step.args, step.kwargs, step.outputs)) if isinstance(s, Slot)}
            step.freed = tuple(sorted(used - kept))
            kept |= used

    def _last_steps(self) -> list[Any]:
        """Return, for each output, the step that gives it where its layer offers logits and nobody else looks."""
        readers: dict[int, int] = {}
        for step in self.steps:
            for slot in leaves((step.args, step.kwargs)):
                if isinstance(slot, Slot):
                    readers[slot.index] = readers.get(slot.index, 0) + 1
        found: list[Any] = []
        for slot in leaves(self.outputs):
            maker = next((s for s in self.steps if s.outputs == slot and s.source >= 0), None)
            offers = maker is not None and offers_logits(maker.operation)
            found.append(maker if offers and slot.index not in readers else None)
        return found


def offers_logits(operation: Any) -> bool:
    """Return whether a call can be asked for its logits: of a layer with a last activation that no hook watches."""
    hooked = isinstance(operation, Layer) and (operation._forward_hooks or operation._forward_pre_hooks)
    return isinstance(operation, Layer) and operation.link_activation is not None and not hooked


def inputs_of(shape: Any) -> Any:
    """Return symbolic inputs of a shape with its batch, or of a list or dict of shapes."""
    if isinstance(shape, dict):
        return {key: inputs_of(value) for key, value in shape.items()}
    if shape and isinstance(shape[0], (tuple, list)):
        return [inputs_of(value) for value in shape]
    return Input(tuple(shape)[1:], batch_size=shape[0])


def trace(inputs: Any, outputs: Any) -> Graph:
    """Collect the calls that lead from symbolic `inputs` to symbolic `outputs`.

    Raises:
        ArgumentTypeError: something that is not a symbolic tensor.
        ArgumentError: an output needs an input that is not among `inputs`.
    """
    for role, structure in (("inputs", inputs), ("outputs", outputs)):
        for value in leaves(structure):
            if not isinstance(value, SymbolicTensor):
                raise ArgumentTypeError(
                    f"Model({role}=...): got {type(value).__name__}, expected symbolic tensors. "
                    "Start from x = corekit.Input(shape=...) and pass x through layers."
                )
    slots: dict[SymbolicTensor, Slot] = {}
    specs: list[Spec] = []

    def slot_of(tensor: SymbolicTensor) -> Slot:
        if tensor not in slots:
            slots[tensor] = Slot(len(specs))
            specs.append(Spec(tensor.shape, tensor.dtype))
        return slots[tensor]

    given = [slot_of(tensor) for tensor in leaves(inputs)]
    steps = []
    for node in _nodes_between(inputs, outputs):
        args, kwargs = map_tree(lambda v: slot_of(v) if isinstance(v, SymbolicTensor) else v, (node.args, node.kwargs))
        steps.append(Step(node.operation, args, kwargs, map_tree(slot_of, node.outputs)))
    names = [tensor.name for tensor in leaves(inputs)]
    assert len(given) == len(names)
    return Graph(steps, specs, map_tree(slot_of, inputs), map_tree(slot_of, outputs), names)


def _nodes_between(inputs: Any, outputs: Any) -> list[Node]:
    given = {id(tensor) for tensor in leaves(inputs)}
    found: dict[int, Node] = {}
    waiting = list(leaves(outputs))
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in given:
            continue
        if tensor.node is None:
            raise ArgumentError(
                f"an output depends on {tensor!r}, which is not among the model's inputs. "
                f"Add it:  Model(inputs=[..., {tensor.name}], outputs=...)."
            )
        if tensor.node.number not in found:
            found[tensor.node.number] = tensor.node
            waiting += [v for v in leaves((tensor.node.args, tensor.node.kwargs)) if isinstance(v, SymbolicTensor)]
    return [found[number] for number in sorted(found)]


def _map_specs(function: Callable[[Spec], Any], specs: Any) -> Any:
    if isinstance(specs, Spec):
        return function(specs)
    if isinstance(specs, dict):
        return {key: _map_specs(function, value) for key, value in specs.items()}
    if isinstance(specs, (list, tuple)):
        return type(specs)(_map_specs(function, value) for value in specs)
    raise LayerError(f"a call returned {type(specs).__name__} where tensors were expected: {specs!r}")
