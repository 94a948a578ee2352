from types import SimpleNamespace

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError, ArgumentTypeError, SaveError
from corekit.saving.signature import SIZES, Taken, batches, signature_of


class Both(ck.Model):
    def call(self, first, second=None, rest=None):
        return first


@pytest.fixture
def drawn():
    inputs = {"b": ck.Input((4,), name="b"), "a": ck.Input((None,), dtype="int64", name="a")}
    return ck.Model(inputs, ck.layer(lambda given: given["b"])(inputs))


@pytest.fixture
def called():
    model = Both()
    model(torch.ones(2, 3), second=[torch.ones(2, 5, dtype=torch.int32), torch.ones(2, 1)])
    return model


def told(signature):
    return [(taken.name, taken.shape, taken.dtype) for taken in signature.inputs]


def test_drawn_model_knows_its_inputs(drawn):
    signature = signature_of(drawn)

    assert told(signature) == [("b", (None, 4), torch.float32), ("a", (None, None), torch.int64)]
    args, kwargs = signature.filled([torch.ones(1), torch.zeros(1)])
    assert (list(args[0]), kwargs) == (["b", "a"], {})
    assert args[0]["a"].item() == 0


def test_called_model_takes_what_it_was_called_with(called):
    assert told(signature_of(called)) == [
        ("first", (None, 3), torch.float32),
        ("second_0", (None, 5), torch.int32),
        ("second_1", (None, 1), torch.float32),
    ]


def test_model_that_knows_nothing_shows_the_line():
    model = Both()
    model.built = True

    with pytest.raises(SaveError, match=r"input_signature=\[corekit\.Input"):
        signature_of(model)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (ck.Input((3,), name="x"), ("x", (None, 3), torch.float32)),
        ([ck.Input((3,), batch_size=2, name="x")], ("x", (2, 3), torch.float32)),
        (np.ones((4, 3), dtype="int64"), ("first", (None, 3), torch.int64)),
        ([torch.ones(4, 3)], ("first", (None, 3), torch.float32)),
        ([SimpleNamespace(shape=(None, 3), dtype="float16", name="spec")], ("spec", (None, 3), torch.float16)),
        ([SimpleNamespace(shape=(None, 3), dtype=None)], ("first", (None, 3), torch.float32)),
    ],
    ids=["Input", "batch_size", "array", "tensor", "InputSpec", "no_dtype"],
)
def test_given_entry_is_an_input(called, given, expected):
    assert told(signature_of(called, given)) == [expected]


def test_given_names_are_each_ones_own(called):
    signature = signature_of(called, [ck.Input((3,), name="x"), [ck.Input((3,), name="x"), torch.ones(2, 1)]])

    assert [taken.name for taken in signature.inputs] == ["x", "x_1", "second_1"]


def test_drawn_inputs_of_one_name_get_names_of_their_own():
    inputs = [ck.Input((3,), name="x"), ck.Input((3,), name="x")]

    assert [taken.name for taken in signature_of(ck.Model(inputs, inputs[0] + inputs[1])).inputs] == ["x", "x_1"]


def test_plain_arguments_stay(called):
    signature = signature_of(called, [torch.ones(2, 3), None, "word"])

    assert signature.filled([torch.ones(1)]) == ((torch.ones(1), None, "word"), {})


@pytest.mark.parametrize("given", [[(None, 3)], [], [None]])
def test_signature_without_inputs_shows_the_line(called, given):
    with pytest.raises(ArgumentTypeError, match=r"names no input.\n  Write one corekit.Input for each argument"):
        signature_of(called, given)


@pytest.mark.parametrize("entry", [object(), SimpleNamespace(shape=("a",), dtype=None), {1, 2}])
def test_what_is_no_input_is_told(called, entry):
    with pytest.raises(ArgumentTypeError, match="an example: an array or tensor with the batch first"):
        signature_of(called, [entry])


def test_drawn_model_refuses_another_number(drawn):
    with pytest.raises(ArgumentError, match=r"has 2 inputs \(b, a\), input_signature has 1"):
        signature_of(drawn, [torch.ones(2, 4)])


def test_random_inputs_have_two_sizes_and_the_same_numbers_each_time():
    inputs = [Taken("x", (None, None, 3), torch.float32), Taken("fixed", (2, 3), torch.float64)]
    state = torch.get_rng_state()

    first, again = (list(batches(inputs, [None, None])) for _ in range(2))

    assert [(batch, tensors[0].shape) for batch, tensors in first] == [(n, (n, other, 3)) for n, other in SIZES]
    assert {tensors[1].shape for _, tensors in first} == {(2, 3)}
    assert all(
        torch.equal(a, b) for (_, x), (_, y) in zip(first, again, strict=True) for a, b in zip(x, y, strict=True)
    )
    assert torch.equal(torch.get_rng_state(), state)


def test_fixed_model_is_run_once():
    assert len(list(batches([Taken("x", (2, 3), torch.float32)], [None]))) == 1


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.float32])
def test_whole_numbers_stay_in_the_vocabulary(dtype):
    ((_, _), (_, [values])) = batches([Taken("x", (None, 200), dtype)], [5])

    assert values.dtype == dtype
    assert sorted(set(values.flatten().tolist())) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_whole_numbers_of_unknown_meaning_are_0_and_1(dtype):
    ((_, _), (_, [values])) = batches([Taken("x", (None, 200), dtype)], [None])

    assert (values.dtype, set(values.long().flatten().tolist())) == (dtype, {0, 1})


def test_rows_of_an_example_are_drawn():
    example = torch.arange(8.0).reshape(4, 2) * 100
    rows = {tuple(row) for row in example.tolist()}

    for batch, [values] in batches([Taken("x", (None, 2), torch.float32, example)], [None]):
        assert len(values) == batch
        assert {tuple(row) for row in values.tolist()} <= rows
