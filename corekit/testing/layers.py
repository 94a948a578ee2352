"""What every layer must do."""

from __future__ import annotations

import copy
import json
from typing import Any

import torch

from corekit.model.graph import Input
from corekit.testing.case import BATCH, Case, leaves
from corekit.testing.compare import assert_equal, assert_shapes
from corekit.testing.kit import CheckList, Skip

CHECKS = CheckList("layers", minimum=3)


def built(case: Case, dtype: torch.dtype = torch.float32) -> Any:
    """Return the layer with its weights, in inference mode."""
    torch.manual_seed(0)
    layer = case.make().to(dtype)
    layer(*case.inputs(dtype))
    layer.clear_losses()
    return layer.eval()


@CHECKS.check
def shapes(case: Case) -> None:
    """A model is drawn with the shape that a layer foretells: a wrong one makes the next layer's weights too large."""
    symbols = [_symbols(spec) for spec in case.example.inputs]
    if not symbols:
        raise Skip("it takes no input")
    layer = case.make()
    foretold = [tuple(symbol.shape) for symbol in leaves_of(layer(*symbols))]
    for batch in (BATCH, 1):
        real = [tuple(tensor.shape) for tensor in leaves(layer(*case.inputs(batch=batch)))]
        expected = [tuple(batch if size is None else size for size in shape) for shape in foretold]
        assert_shapes(case, expected, real, fix="Correct compute_output_shape, or leave it out: call is then tried.")


@CHECKS.check
def config(case: Case) -> None:
    """A model file holds the config: an argument that is missing in it comes back as its default, and silently."""
    layer = built(case)
    text = json.dumps(layer.get_config())
    again = type(layer).from_config(json.loads(text))
    again(*case.inputs())
    again.load_state_dict(layer.state_dict())
    assert_equal(
        case,
        layer(*case.inputs()),
        again.eval()(*case.inputs()),
        on="after from_config(get_config())",
        fix="Let get_config return every argument of the constructor, or leave it out: arguments are recorded.",
    )


@CHECKS.check
def inputs_stay(case: Case) -> None:
    """A layer that changes its input in place breaks whoever else uses that tensor, such as a residual connection."""
    layer = built(case)
    inputs, before = case.inputs(), case.inputs()
    for training in (False, True):
        layer.train(training)(*inputs)
        assert_equal(
            case, before, inputs, on=f"its input after a call with training={training}",
            fix="Work on a new tensor: x = x + 1 in place of x += 1 or x.add_(1).",
        )  # fmt: skip


@CHECKS.check
def copies(case: Case) -> None:
    """`copy.deepcopy` is how averages of weights and cross-validation keep a model: a shared weight spoils both."""
    layer = built(case)
    if not layer.state_dict():
        raise Skip("it has no weights")
    expected = layer(*case.inputs())
    twin = copy.deepcopy(layer)
    with torch.no_grad():
        for weight in layer.state_dict().values():
            weight.zero_()
    assert_equal(
        case, expected, twin(*case.inputs()), on="a deep copy, after the first one's weights were zeroed",
        fix="Hold weights as attributes (add_weight), not in closures or module globals.",
    )  # fmt: skip


def leaves_of(value: Any) -> list[Any]:
    """Return symbolic tensors in their order."""
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for one in value for leaf in leaves_of(one)] if isinstance(value, (list, tuple)) else [value]


def _symbols(spec: Any) -> Any:
    if isinstance(spec, list):
        return [_symbols(one) for one in spec]
    return Input(shape=spec.shape, dtype=spec.dtype) if spec.dtype else Input(shape=spec.shape)
