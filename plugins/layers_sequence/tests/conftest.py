"""The cases of the comparison with Keras: calls that read the same in both libraries; each layer needs one."""

from typing import Any

import numpy as np
import pytest
import torch

import corekit

# name -> [(arguments of the layer, shape of each input, further arguments of the call)]
LAYERS: dict[str, list[tuple[Any, ...]]] = {
    "Embedding": [
        ("7, 4", [(3, 5)]),
        ("7, 4, embeddings_regularizer='l2', embeddings_constraint='unit_norm'", [(3,)]),
        ("7, 4, embeddings_initializer='ones'", [(3, 5, 2)]),
    ],
    "MultiHeadAttention": [
        ("2, 4", [(3, 5, 6), (3, 5, 6)]),
        ("2, 4", [(3, 5, 6), (3, 7, 3), (3, 7, 2)]),
        ("1, 4, value_dim=3, output_shape=5, use_bias=False", [(3, 5, 6), (3, 7, 6)]),
        ("3, 2, kernel_regularizer='l2', bias_regularizer='l1'", [(3, 5, 6), (3, 5, 6)], "use_causal_mask=True"),
        ("2, 4", [(3, 5, 6), (3, 7, 6)], "attention_mask=torch.tensor([[[1, 0, 1, 1, 0, 0, 1]]])"),
        ("2, 4", [(3, 5, 6), (3, 5, 6)], "attention_mask=torch.ones(1, 5, 5).bool(), use_causal_mask=True"),
        ("2, 4", [(3, 5, 6), (3, 5, 6)], "return_attention_scores=True, use_causal_mask=True"),
        ("2, 4, sliding_window=2", [(3, 5, 6), (3, 5, 6)]),
        ("2, 4, dropout=0.5", [(3, 5, 6), (3, 5, 6)]),
    ],
    "LSTM": [
        ("4", [(3, 5, 2)]),
        ("4, return_sequences=True, return_state=True, kernel_regularizer='l2'", [(3, 5, 2)]),
        ("4, use_bias=False, go_backwards=True, return_sequences=True", [(3, 5, 2)]),
        ("4, activation='relu', recurrent_activation=None", [(3, 5, 2)]),
        ("4, return_state=True", [(3, 5, 2)], "initial_state=[torch.ones(3, 4), torch.ones(3, 4)]"),
        ("4, dropout=0.5", [(3, 5, 2)]),
        ("4, dropout=0.5, recurrent_dropout=0.5", [(3, 5, 2)]),
    ],
    "GRU": [
        ("4", [(3, 5, 2)]),
        ("4, return_sequences=True, return_state=True, recurrent_regularizer='l2'", [(3, 5, 2)]),
        ("4, reset_after=False, go_backwards=True, return_sequences=True", [(3, 5, 2)]),
        ("4, activation='relu', use_bias=False", [(3, 5, 2)]),
        ("4, recurrent_activation='relu'", [(3, 5, 2)], "initial_state=torch.ones(3, 4)"),
        ("4, dropout=0.5, recurrent_dropout=0.5", [(3, 5, 2)]),
    ],
}

ALL = [(name, *case) for name, cases in LAYERS.items() for case in cases]


class LayerCase:
    """A layer to make, and input for it."""

    def __init__(self, name: str, arguments: str, shapes: list[tuple[int, ...]], call: str = "") -> None:
        self.name, self.shapes, self.call = name, shapes, call
        self.expression = f"layers.{name}({arguments})"
        self.is_random = "dropout=0.5" in arguments

    def __str__(self) -> str:
        return f"{self.expression.removeprefix('layers.')}-{self.shapes}{self.call}".replace(" ", "")

    def make(self) -> corekit.Layer:
        """Return the layer, not built."""
        return eval(self.expression, {"layers": corekit.layers})

    def inputs(self, dtype: torch.dtype = torch.float32, batch: int | None = None) -> list[torch.Tensor]:
        """Return the same input each time, but for the batch size."""
        generator = torch.Generator().manual_seed(1)
        shapes = [shape if batch is None else (batch, *shape[1:]) for shape in self.shapes]
        if self.name == "Embedding":
            return [torch.randint(0, 7, shape, generator=generator) for shape in shapes]
        return [torch.randn(shape, generator=generator).to(dtype) for shape in shapes]

    def keywords(self) -> dict[str, Any]:
        """Return the further arguments of the call."""
        return eval(f"dict({self.call})", {"torch": torch})

    def run(self, layer: corekit.Layer, inputs: list[torch.Tensor], **keywords: Any) -> list[torch.Tensor]:
        """Return the outputs, one or several, as a list."""
        outputs = layer(*inputs, **self.keywords(), **keywords)
        return list(outputs) if isinstance(outputs, tuple) else [outputs]

    def built(self, dtype: torch.dtype = torch.float32) -> corekit.Layer:
        """Return the layer, built, with no weight at its initial value."""
        layer = self.make().to(dtype)
        self.run(layer, self.inputs())
        layer.clear_losses()
        random = np.random.default_rng(2)
        layer.set_weights([random.uniform(-0.5, 1.0, weight.shape).astype("float32") for weight in layer.weights])
        return layer.to(dtype)


@pytest.fixture(scope="session")
def cases() -> dict[str, Any]:
    return LAYERS


@pytest.fixture(scope="session")
def all_layer_cases() -> list[LayerCase]:
    return [LayerCase(*case) for case in ALL]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        cases = [LayerCase(*case) for case in ALL]
        metafunc.parametrize("case", cases, ids=map(str, cases))
    if "first_case" in metafunc.fixturenames:  # one per layer
        cases = [LayerCase(name, *layer_cases[0]) for name, layer_cases in LAYERS.items()]
        metafunc.parametrize("first_case", cases, ids=[case.name for case in cases])
