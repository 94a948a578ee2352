"""Rows and drawn graphs of core layers alone: what is drawn is what runs."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import corekit as ck
from corekit.errors import ArgumentError, ArgumentTypeError, LayerError, ShapeError, StateError


class Linear(ck.Layer):
    """y = x @ kernel, by torch's own initializer."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: Any) -> None:
        if len(input_shape) != 2:
            raise ShapeError(f"Linear expects (batch, features), got {len(input_shape)} axes.")
        shape = (input_shape[-1], self.units)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=nn.init.xavier_uniform_)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs @ self.kernel


class Counting(ck.Layer):
    """Counts its calls in a buffer, draws from torch's generator, gives the input back."""

    def build(self, input_shape: Any) -> None:
        self.calls = self.add_weight(
            name="calls",
            shape=(),
            dtype="int64",
            trainable=False,
            initializer=lambda s, dtype: torch.zeros(s, dtype=dtype),
        )

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        self.calls.add_(1)
        return inputs + torch.rand_like(inputs)


X = torch.linspace(-1, 1, 12).reshape(4, 3)


def drawn() -> ck.Model:
    inputs = ck.Input(shape=(3,), name="pixels")
    return ck.Model(inputs, Linear(2)(Linear(5)(inputs)))


def test_a_row_computes_layer_by_layer() -> None:
    first, second = Linear(5), Linear(2)
    model = ck.Sequential([first, second])

    assert torch.equal(model(X), second(first(X)))


def test_an_input_shape_builds_at_once() -> None:
    model = ck.Sequential([Linear(5, input_shape=(3,)), Linear(2)])

    assert model.built
    assert model.count_params() == 25


def test_names_are_unique_in_a_model() -> None:
    model = ck.Sequential([Linear(5), Linear(4), Linear(3, name="last")])

    assert [layer.name for layer in model.layers] == ["linear", "linear_1", "last"]
    assert list(model.state_dict()) == []
    assert model(X) is not None
    assert list(model.state_dict()) == ["linear.kernel", "linear_1.kernel", "last.kernel"]


def test_one_name_given_twice_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r'(?s)two layers called "a".*name="a_1"'):
        ck.Sequential([Linear(5, name="a"), Linear(2, name="a")])


def test_a_layer_called_fit_is_refused() -> None:
    with pytest.raises(ArgumentError, match="fit"):
        ck.Sequential([Linear(5, name="fit")])


def test_add_and_pop_change_the_row() -> None:
    model = ck.Sequential([ck.Input(shape=(3,))])
    model.add(Linear(5))
    model.add(Linear(2))
    assert model(X).shape == (4, 2)

    model.pop()

    assert model(X).shape == (4, 5)


def test_a_misfit_names_both_layers_and_shapes() -> None:
    class Square(ck.Layer):
        def compute_output_shape(self, input_shape: Any) -> Any:
            return (*input_shape, 2)

        def call(self, inputs: torch.Tensor) -> torch.Tensor:
            return torch.stack([inputs, inputs], -1)

    with pytest.raises(ShapeError, match=r'(?s)layer 2 \("linear", Linear\).*layer 1 \("square"\).*\(batch, 3, 2\)'):
        ck.Sequential([ck.Input(shape=(3,)), Square(), Linear(2)])


def test_a_layer_that_needs_values_stands_in_a_row() -> None:
    model = ck.Sequential([lambda x: x * 2 if float(x.sum()) > 0 else -x, Linear(2)])

    assert model(X + 10).shape == (4, 2)


def test_a_drawn_layer_that_needs_values_is_told() -> None:
    with pytest.raises(LayerError, match=r"(?s)test_drawing\.py:\d+.*compute_output_shape"):
        ck.layer(lambda x: x if float(x.sum()) > 0 else -x)(ck.Input(shape=(3,)))


def test_graphs_take_lists_and_dicts() -> None:
    left, right = ck.Input(shape=(3,), name="left"), ck.Input(shape=(3,), name="right")
    model = ck.Model([left, right], {"sum": left + right, "product": left * right})

    by_list, by_name = model([X, 2 * X]), model({"right": 2 * X, "left": X})

    assert torch.equal(by_list["sum"], 3 * X)
    assert torch.equal(by_name["product"], 2 * X * X)


def test_a_missing_input_is_named() -> None:
    left, right = ck.Input(shape=(3,), name="left"), ck.Input(shape=(3,), name="right")
    model = ck.Model([left, right], left + right)

    with pytest.raises(ck.CorekitError, match="right"):
        model({"left": X})
    with pytest.raises(ck.CorekitError, match=r"2 inputs.*got 1"):
        model([X])


def test_an_input_left_out_is_named() -> None:
    left, right = ck.Input(shape=(3,), name="left"), ck.Input(shape=(3,), name="right")

    with pytest.raises(ArgumentError, match=r"(?s)right.*not among the model's inputs"):
        ck.Model(left, left + right)


def test_shared_layers_share_weights() -> None:
    shared = Linear(3)
    inputs = ck.Input(shape=(3,))
    model = ck.Model(inputs, shared(shared(inputs)))

    assert len(model.weights) == 1
    assert torch.equal(model(X), shared(shared(X)))


def test_nested_models_are_layers() -> None:
    inner = drawn()
    inputs = ck.Input(shape=(3,))
    outer = ck.Model(inputs, Linear(1)(inner(inputs)))

    assert outer(X).shape == (4, 1)
    assert len(outer.weights) == 3


def test_operators_and_indexing_run() -> None:
    x = ck.Input(shape=(3,))
    model = ck.Model(x, (1 - x[:, :2]) / 2 + abs(-x[:, 1:]) ** 2)

    assert torch.allclose(model(X), (1 - X[:, :2]) / 2 + X[:, 1:].abs() ** 2)


@pytest.mark.parametrize("use", [bool, list, np.asarray, torch.relu, nn.ReLU()])
def test_values_of_symbols_are_refused_with_a_way_out(use: Any) -> None:
    with pytest.raises((LayerError, ArgumentTypeError), match=r"no values|corekit\.layer"):
        use(ck.Input(shape=(3,)))


def test_drawing_changes_no_state() -> None:
    layer = Counting()
    layer(X)
    torch.manual_seed(0)
    generator = torch.get_rng_state()

    layer(ck.Input(shape=(3,)))

    assert layer.calls == 1
    assert torch.equal(torch.get_rng_state(), generator)


def test_open_axes_are_told_from_fixed_ones() -> None:
    steps = ck.Input(shape=(None, 4))

    assert ck.layer(lambda x: x[:, ::2])(steps).shape == (None, None, 4)
    assert ck.layer(lambda x: x.mean(1))(steps).shape == (None, 4)
    assert ck.layer(lambda x: x.reshape(-1, 4))(steps).shape == (None, 4)
    assert ck.layer(lambda x: x.sum(0))(steps).shape == (None, 4)


def test_drawing_goes_on_from_an_inner_layer() -> None:
    model = drawn()
    features = ck.Model(model.inputs, model.layers[0].output)

    assert features(X).shape == (4, 5)
    assert features.weights[0] is model.weights[0]


def test_a_layer_outside_has_no_output() -> None:
    with pytest.raises(StateError, match="not part of a drawn model"):
        _ = Linear(2).output


def test_deep_rows_copy_without_recursion() -> None:
    model = ck.Sequential([ck.Input(shape=(3,)), *(Linear(3) for _ in range(300))])

    assert torch.equal(copy.deepcopy(model)(X), model(X))


def test_models_pickle() -> None:
    model = drawn()

    assert torch.equal(pickle.loads(pickle.dumps(model))(X), model(X))


def test_values_are_freed_when_last_used() -> None:
    inputs = ck.Input(shape=(3,))
    model = ck.Model(inputs, Linear(2)(Linear(5)(inputs)))
    assert model.graph is not None

    assert [step.freed for step in model.graph.steps] == [(0,), (1,)]


def test_a_subclass_without_call_is_told() -> None:
    class Empty(ck.Model):
        pass

    with pytest.raises(LayerError, match=r"(?s)Empty has no call.*def call"):
        Empty()(X)


def test_a_subclass_builds_from_a_shape() -> None:
    class Two(ck.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Linear(2)

        def call(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.inner(inputs)

    model = Two()
    model.build((None, 3))

    assert model.count_params() == 6


def test_get_layer_names_those_there_are() -> None:
    with pytest.raises(ArgumentError, match=r"linear.*linear_1"):
        drawn().get_layer("dense")


def test_the_summary_fits_eighty_columns() -> None:
    lines: list[str] = []

    drawn().summary(print_fn=lines.append)

    text = "\n".join(lines)
    assert max(map(len, lines)) <= 80
    for word in ("linear (Linear)", "(batch, 5)", "15", "25"):
        assert word in text


def test_the_summary_of_an_unbuilt_model_says_so() -> None:
    lines: list[str] = []

    ck.Sequential([Linear(2)]).summary(print_fn=lines.append)

    assert "Not built yet" in "\n".join(lines)


def test_functions_and_modules_become_layers() -> None:
    assert torch.equal(ck.layer(torch.tanh)(X), torch.tanh(X))
    assert ck.layer(nn.Linear, in_features=3, out_features=2)(X).shape == (4, 2)
    with pytest.raises(ArgumentTypeError, match="cannot act as a layer"):
        ck.layer(3)


def test_register_tells_kinds_apart() -> None:
    from corekit.registry import registry

    @ck.register("MyGap")
    class Gap(ck.Metric):
        def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
            return y_pred - y_true

    assert registry.get("metrics", "local:MyGap") is Gap
    with pytest.raises(ArgumentTypeError, match="kind"):
        ck.register(3.0)


def test_an_own_call_hides_the_last_activation() -> None:
    class Ended(Linear):
        link_activation = staticmethod(torch.tanh)

    class Own(ck.Sequential):
        def call(self, inputs: torch.Tensor) -> torch.Tensor:
            return super().call(inputs) + 1

    assert ck.Sequential([Ended(2)]).link_activation is torch.tanh
    assert Own([Ended(2)]).link_activation is None
