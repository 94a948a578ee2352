"""Layers joined into one: their structure, drawn or written, and how it computes. What a `Model` trains."""

from __future__ import annotations

import itertools
from typing import Any, Self

import torch

from corekit.errors import ArgumentError, LayerError, StateError
from corekit.model import graph
from corekit.model.inference import infer
from corekit.model.naming import adopt, free_name
from corekit.protocols.layer import Layer
from corekit.protocols.symbolic import find_symbolic
from corekit.protocols.tree import leaves


class Network(Layer):
    """Layers with names of their own, joined by a graph or by a subclass's `call`. Users write `Model`, its subclass.

    Args:
        inputs: symbolic tensors from `corekit.Input`.
        outputs: symbolic tensors that depend on them.
        kwargs: name, trainable, dtype; see Layer.

    Raises:
        ArgumentError: an output depends on an input that is not given; two layers have one name.
    """

    is_model = True

    def __init__(self, inputs: Any = None, outputs: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._counted: dict[str, int] = {}  # how far the names of layers are counted, by class
        self.graph: graph.Graph | None = None
        self.placed = False  # whether the user chose the device; training then leaves the model where it is
        self.lists_layers = False  # whether a description lists its layers, not the arguments of its class
        if (inputs is None) != (outputs is None):
            raise ArgumentError("Model(inputs, outputs): give both, or neither and write a call.")
        if inputs is not None:
            if find_symbolic(*self._arguments) is not None:  # drawn by the caller, not in a subclass's __init__
                self._arguments, self.lists_layers = ((), {}), True
            self._set_graph(graph.trace(inputs, outputs))
            self.__dict__["_drawn_symbols"] = (inputs, outputs)

    def _set_graph(self, drawn: graph.Graph) -> None:
        self.graph = drawn
        for part in drawn.layers():
            adopt(self, part)
        self.built = True

    # Structure

    @property
    def layers(self) -> list[Layer]:
        """The layers, in the order of use (drawn) or of assignment (subclassed)."""
        return [module for module in self._modules.values() if isinstance(module, Layer)]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its position.

        Raises:
            ArgumentError: there is no such layer.
        """
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ArgumentError(f'"{self.name}" has {len(self.layers)} layers, so none at index {index}.')
            return self.layers[index]
        part = self._modules.get(name or "")
        if not isinstance(part, Layer):
            raise ArgumentError(f'"{self.name}" has no layer "{name}". Its layers: {", ".join(self._modules)}.')
        return part

    def name_of(self, part: Layer) -> str:
        """Return what this model calls one of its layers: the layer's own name unless another has it here."""
        return next(name for name, module in self._modules.items() if module is part)

    def _symbols(self) -> tuple[Any, Any]:
        if self.graph is None:
            raise StateError(f'"{self.name}" is not drawn from symbolic tensors, so it has no symbolic inputs.')
        if "_drawn_symbols" not in self.__dict__:
            self.__dict__["_drawn_symbols"] = self.graph.symbols()
        return self.__dict__["_drawn_symbols"]  # type: ignore[no-any-return]  # __dict__ is untyped

    def __getstate__(self) -> dict[str, Any]:
        """Leave symbolic tensors behind, as every layer does."""
        return {key: value for key, value in super().__getstate__().items() if key != "_drawn_symbols"}

    @property
    def inputs(self) -> list[Any]:
        """The symbolic inputs, to draw another model from."""
        return list(leaves(self._symbols()[0]))

    @property
    def outputs(self) -> list[Any]:
        """The symbolic outputs, to draw another model from."""
        return list(leaves(self._symbols()[1]))

    @property
    def input(self) -> Any:
        """The symbolic input, in the structure that the model was drawn with."""
        return self._symbols()[0]

    @property
    def output(self) -> Any:
        """The symbolic output, in the structure that the model was drawn with."""
        return self._symbols()[1]

    @property
    def output_names(self) -> list[str]:
        """One name for each output: of the layer that gives it. Losses and metrics may be given by these."""
        if self.graph is None:
            return []
        names: list[str] = []
        for slot in leaves(self.graph.outputs):
            maker = next((s.operation for s in self.graph.steps if slot in leaves(s.outputs)), None)
            base = maker.name if isinstance(maker, Layer) else getattr(maker, "__name__", "output")
            names.append(free_name(base, names))
        return names

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        for module in self.modules():
            for weight in itertools.chain(module._parameters.values(), module._buffers.values()):
                if weight is not None:
                    return weight.device
        return torch.get_default_device()

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move or cast the weights, as every torch module does; training then leaves the model where it is."""
        self.placed = True
        return super().to(*args, **kwargs)

    def cpu(self) -> Self:
        """Move the weights to the CPU; training then stays there."""
        return self.to("cpu")

    # Computing

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape, None for the batch: a shape, or a list or dict of shapes.

        Drawn models are built already, others at their first call at the latest.
        """
        self.built = True  # a subclass's build may end here, and the call below must not build once more
        try:
            infer(self, (graph.inputs_of(input_shape),), {})
        except Exception:
            self.built = False
            raise

    def build_from(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Leave building to the call that follows, where each layer meets its own input."""
        if type(self).build is Network.build:
            self.built = True
        super().build_from(args, kwargs)

    def call(self, inputs: Any) -> Any:
        """Compute the outputs."""
        if self.graph is None:
            raise LayerError(
                f"{type(self).__name__} has no call, and was not drawn from symbolic tensors.\n"
                f"  Write  def call(self, inputs): return <a tensor>  in class {type(self).__name__}, or make it by "
                "Model(inputs, outputs)."
            )
        return self.graph.run(inputs)

    def logits(self, inputs: Any) -> Any:
        """Compute the outputs without the activations that `link_activation` names."""
        assert self.graph is not None
        return self.graph.run(inputs, to_logits=True)

    @property
    def link_activation(self) -> Any:  # type: ignore[override]  # read only here
        """The last activation of the output, or None; a list for several outputs. None for a subclassed model."""
        if self.graph is None or type(self).call is not Network.call:
            return None
        links = self.graph.link_activations()
        return links[0] if len(links) == 1 else links if any(links) else None
