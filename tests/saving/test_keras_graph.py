"""The calls of a drawn Keras model: made as soon as their inputs are there, whatever order the file has."""

import operator

import pytest

import corekit as ck
from corekit.errors import LoadError
from corekit.saving.keras_graph import draw, operator_call, pick


def tensor(name, call=0, number=0):
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, call, number]}}


def node(*args, **kwargs):
    return {"args": list(args), "kwargs": kwargs}


def run(nodes, calls=None):
    """Draw with numbers for tensors: x is 1, and each call adds up its arguments and doubles them."""
    outputs = {"x": [[1]]}
    made = calls or {name: lambda *args: 2 * sum(args) for name in nodes}
    draw(made, nodes, outputs, lambda value: value)
    return outputs


def test_calls_wait_for_their_inputs():
    outputs = run({"c": [node(tensor("b"), tensor("a"))], "b": [node(tensor("a"))], "a": [node(tensor("x"))]})

    assert outputs == {"x": [[1]], "a": [[2]], "b": [[4]], "c": [[12]]}


def test_calls_of_one_layer_keep_their_order():
    outputs = run({"a": [node(tensor("b")), node(tensor("x"))], "b": [node(tensor("x"))]})

    assert outputs["a"] == [[4], [2]]


def test_layer_may_take_what_it_gave():
    assert run({"a": [node(tensor("x")), node(tensor("a"))]})["a"] == [[2], [4]]


def test_outputs_are_told_apart_by_their_number():
    outputs = run(
        {"two": [node(tensor("x"))], "sum": [node(tensor("two", 0, 1), tensor("two", 0, 1))]},
        {"two": lambda x: (x, {"deep": [x + 10]}), "sum": lambda *args: sum(args)},
    )

    assert outputs["two"] == [[1, 11]]
    assert outputs["sum"] == [[22]]


def test_arguments_inside_lists_and_dicts_are_found():
    seen = []
    run({"a": [node([tensor("x"), [tensor("x")]], more={"y": tensor("x"), "n": 3})]},
        {"a": lambda *args, **kwargs: seen.append((args, kwargs))})  # fmt: skip

    assert seen == [(([1, [1]],), {"more": {"y": 1, "n": 3}})]


def test_arguments_that_are_none_are_left_to_their_defaults():
    seen = []
    run({"a": [node(tensor("x"), mask=None, training=False)]}, {"a": lambda *args, **kwargs: seen.append(kwargs)})

    assert seen == [{}]


def test_training_mode_is_told():
    with pytest.warns(UserWarning, match='"a" was called with training=True'):
        run({"a": [node(tensor("x"), training=True)]}, {"a": lambda x: x})


@pytest.mark.parametrize(
    "nodes",
    [
        {"a": [node(tensor("b"))], "b": [node(tensor("a"))]},
        {"a": [node(tensor("a", 1)), node(tensor("x"))]},
        {"a": [node(tensor("nobody"))]},
        {"a": [node(tensor("x", 7))]},
    ],
    ids=["loop", "own future", "gap", "no such call"],
)
def test_loop_or_gap_is_refused(nodes):
    with pytest.raises(LoadError, match=r'call 1 of "a" needs a tensor of ".*" that nothing gives'):
        run(nodes)


@pytest.mark.parametrize("history", [["x", -1, 0], ["x", 0, -1], ["x", "0", 0], [0, 0, 0], ["x", True, 0]])
def test_place_that_is_none_is_refused(history):
    with pytest.raises(ValueError, match="is no place of a tensor"):
        run({"a": [node({"class_name": "__keras_tensor__", "config": {"keras_history": history}})]})


def test_ten_thousand_calls_backwards_take_no_time():
    nodes = {str(n): [node(tensor(str(n - 1) if n else "x"))] for n in reversed(range(10_000))}

    outputs = run(nodes, {name: lambda x: x + 1 for name in nodes})

    assert outputs["9999"] == [[10_001]]


def test_models_have_a_call_of_their_own():
    outputs = {"inner": [["first"], ["second"]], "x": [["given"]]}
    structure = {"a": ["inner", 2, 0], "b": [["x", 0, 0]]}

    assert pick(structure, outputs, lambda name: name == "inner") == {"a": "second", "b": ["given"]}


def test_operator_is_noted_and_a_list_is_a_tuple():
    x = ck.Input((4, 5))

    assert operator_call(operator.getitem)(x, [slice(None), 0]).shape == (None, 5)
    assert operator_call(operator.sub)(2, x).shape == (None, 4, 5)
