"""Layers in a row."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import torch

from corekit.errors import ArgumentError, ArgumentTypeError, CorekitError, LayerError, ShapeError, StateError
from corekit.model.graph import Graph, Input, offers_logits, trace
from corekit.model.model import Model
from corekit.model.naming import adopt
from corekit.model.wrap import layer as as_layer
from corekit.protocols.building import axis_sizes
from corekit.protocols.layer import Layer
from corekit.protocols.symbolic import Symbolic, find_symbolic
from corekit.protocols.tree import leaves


class Sequential(Model):
    """Feeds each layer with what the one before it gives.

    Args:
        layers: layers, or anything that `corekit.layer` takes: names, configs, torch modules, functions. A
            `corekit.Input(...)` in front, or `input_shape` of the first layer, builds the model at once; otherwise
            the first call does.
        name: default "sequential".

    Raises:
        ShapeError: a layer cannot take what the one before it gives.

    Example:
        >>> import torch, corekit as ck
        >>> model = Sequential([ck.Input(shape=(4,)), ck.layers.Dense(3, activation="relu"), torch.nn.Linear(3, 2)])
        >>> model(torch.ones(5, 4)).shape
        torch.Size([5, 2])

    Reference: https://keras.io/api/models/sequential/
    """

    def __init__(self, layers: Iterable[Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._traced: Graph | None
        self._drawn_count: int
        if type(self).__init__ is Sequential.__init__:
            self._arguments, self.lists_layers = ((), {}), True
        if layers is not None and (not isinstance(layers, Iterable) or isinstance(layers, (str, dict))):
            raise ArgumentTypeError(f"Sequential({layers!r}): expected a list. Write Sequential([{layers!r}]).")
        self._chain: list[Layer] = []
        self._has_maxima = False
        self._input: Any = None
        for spec in layers or ():
            self._append(spec)
        self._draw()

    def add(self, layer: Any) -> None:
        """Add a layer at the end."""
        self._append(layer)
        self._draw()

    def pop(self) -> Layer:
        """Take the last layer off and return it.

        Raises:
            StateError: there is none.
        """
        if not self._chain:
            raise StateError(f'Sequential "{self.name}" has no layer to take off.')
        last = self._chain.pop()
        if not any(part is last for part in self._chain):
            del self._modules[self.name_of(last)]
            self._counted.clear()
        self.graph, self.built = None, False
        self._draw()
        return last

    def build(self, input_shape: Any) -> None:
        """Build every layer for inputs of this shape; None for the batch."""
        if self._input is None:
            self._input = Input(tuple(input_shape)[1:], batch_size=input_shape[0])
        self._draw()

    @property
    def layers(self) -> list[Layer]:
        """The layers in order; one that stands in the row twice is listed twice."""
        return list(self._chain)

    def call(self, inputs: Any) -> Any:
        """Pass the inputs through the layers."""
        return self._through(self._chain, inputs)

    def logits(self, inputs: Any) -> Any:
        """Pass the inputs through, without the last layer's activation."""
        return self._chain[-1].precise_logits(self._through(self._chain[:-1], inputs))

    def _through(self, layers: list[Layer], x: Any) -> Any:
        """Pass x through layers of the row. An activation that never falls waits for a maximum after it.

        Numbers and gradients are the same, on fewer of them: relu after a 2x2 pool sees a quarter.
        """
        if not self._has_maxima:
            for layer in layers:
                x = layer(x)
            return x
        waiting = None
        for layer, following in itertools.zip_longest(layers, layers[1:]):
            if waiting is None and following is not None and _may_wait(layer, following):
                x, waiting = layer.precise_logits(x), layer.link_activation
                continue
            x = layer(x)
            x, waiting = (x, None) if waiting is None else (waiting(x), None)
        return x

    @property
    def link_activation(self) -> Any:  # type: ignore[override]  # read only here
        """The last activation of the last layer; None where there is none, or a subclass has a call of its own."""
        last = self._chain[-1] if self._chain and type(self).call is Sequential.call else None
        return last.link_activation if last is not None and offers_logits(last) else None

    def build_from(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Build for a call; a row that cannot be drawn (a layer needs real values) is built by running it."""
        if self._input is None and args and isinstance(args[0], (torch.Tensor, Symbolic)):
            self._input = Input(tuple(args[0].shape)[1:], dtype=args[0].dtype)
        try:
            Layer.build_from(self, args, kwargs)
        except LayerError as error:
            if find_symbolic(args, kwargs) is not None or "super().__init__" in str(error):
                raise
            try:
                with torch.no_grad(), self._mode(False):
                    self.call(*args)
            except Exception as real:
                raise error from real
            self.built = True

    def _append(self, spec: Any) -> None:
        if not isinstance(spec, Layer) and isinstance(spec, Symbolic):
            if self._chain or self._input is not None:
                raise ArgumentError(f'Sequential "{self.name}": an Input can only stand first, once.')
            self._input = spec
            return
        layer = as_layer(spec)
        adopt(self, layer)
        self._chain.append(layer)
        self._has_maxima = self._has_maxima or layer.takes_maxima
        if len(self._chain) == 1 and self._input is None and layer._sample_shape is not None:
            self._input = Input(layer._sample_shape)

    @property
    def graph(self) -> Graph | None:
        """The row as a graph; traced when somebody looks, so that `add` costs the same however long the row is."""
        if self._traced is None and self._drawn_count:
            self._traced = trace(*self.__dict__["_drawn_symbols"])
        return self._traced

    @graph.setter
    def graph(self, drawn: Graph | None) -> None:
        self._traced = drawn
        self._drawn_count = 0 if drawn is None else len(drawn.steps)

    def __getstate__(self) -> dict[str, Any]:
        """Trace the graph, since the symbolic tensors that it is traced from stay behind."""
        self._traced = self.graph
        return super().__getstate__()

    def _draw(self) -> None:
        """Build the layers that were added since the last time, once the input's shape is known."""
        if self._input is None or not self._chain:
            return
        drawn = self._drawn_count
        start, x = (self.__dict__.get("_drawn_symbols") or self._symbols()) if drawn else (self._input, self._input)
        for position in range(drawn, len(self._chain)):
            x = self._draw_layer(position, x)
        self.__dict__.update(_drawn_symbols=(start, x), _traced=None, _drawn_count=len(self._chain), built=True)

    def _draw_layer(self, position: int, x: Any) -> Any:
        layer = self._chain[position]
        try:
            return layer(x)
        except CorekitError as error:
            giver = f'layer {position} ("{self._chain[position - 1].name}")' if position else "the input"
            where = f'in Sequential "{self.name}", layer {position + 1} ("{layer.name}", {type(layer).__name__})'
            if isinstance(error, LayerError):
                raise LayerError(f"{where}, which gets {_shapes(x)} from {giver}: {error}") from error
            raise ShapeError(f"{where} cannot take what {giver} gives: {_shapes(x)}.\n  {error}") from error


def _may_wait(layer: Layer, following: Layer) -> bool:
    """Return whether a layer's activation may be applied after the next layer's maximum: nobody looks in between."""
    if not following.takes_maxima or not layer.built or not offers_logits(layer):
        return False
    hooked = following._forward_hooks or following._forward_pre_hooks
    return not hooked and getattr(layer.link_activation, "never_falls", False)


def _shapes(x: Any) -> str:
    return ", ".join(axis_sizes(value.shape) for value in leaves(x))
