import contextlib
import logging
import warnings

import pytest
import torch
from torch import Tensor

import corekit as ck
from corekit.errors import SaveError, ShapeError
from corekit.protocols import reference as references
from corekit.saving.program import in_full_precision, record, torchs_words_off
from corekit.saving.signature import signature_of


@torch.library.custom_op("corekit_test_program::twice", mutates_args=())
def twice(x: Tensor) -> Tensor:
    return x * 2


twice.register_fake(torch.empty_like)


class Calls(ck.Layer):
    """A layer that calls a function, and does not need it to know its shape."""

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, inputs):
        return self.function(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape


def recorded(function, shape=(4,), dtype=None):
    model = ck.Sequential([ck.Input(shape, dtype=dtype, name="x"), Calls(function)])
    return record(model, signature_of(model))


@pytest.fixture
def no_references(monkeypatch):
    monkeypatch.setattr(references, "_references", {})


def operations(program):
    return {str(node.target) for node in program.exported.graph.nodes if node.op == "call_function"}


def test_open_axes_stay_open():
    program = recorded(lambda x: x.flatten(1).sum(1) + x.shape[1], (None, 3))

    for shape in ((1, 1, 3), (5, 7, 3)):
        x = torch.randn(shape)
        torch.testing.assert_close(program.exported.module()(x), x.sum((1, 2)) + shape[1])


def test_fixed_axis_is_named_with_the_line_to_write():
    with pytest.raises(SaveError) as raised:
        recorded(lambda x: x.reshape(-1, int(x.shape[1])), (None,))

    assert "its code fixes the size of axis 1 of an input, which is declared open (x (open, open))" in str(raised.value)
    assert "Input(shape=(20, 3))" in str(raised.value)


def test_fixed_batch_is_told():
    with pytest.raises(SaveError, match=r"fixes the size of axis 0 .*\n.*Input\(batch_size=1\)"):
        recorded(lambda x: x + torch.zeros(int(x.shape[0]), 4))


def branch_on_values(x):
    return x if x.sum() > 0 else -x


def test_branch_on_values_is_told_with_its_line(capfd):
    with pytest.raises(SaveError) as raised:
        recorded(branch_on_values)

    assert "looks at values of tensors, which a file cannot, at test_program.py:" in str(raised.value)
    assert "(return x if x.sum() > 0 else -x)" in str(raised.value)
    assert "torch.where(condition, a, b)" in str(raised.value)
    assert capfd.readouterr() == ("", "")


def test_other_failures_say_where():
    with pytest.raises(SaveError, match=r"could not record its call, at test_program.py:\d+ .*numpy\(\) is not supp"):
        recorded(lambda x: torch.as_tensor(x.numpy()))


def test_error_of_corekits_own_passes():
    def refuse(x):
        raise ShapeError("no such shape")

    with pytest.raises(ShapeError, match="no such shape"):
        recorded(refuse)


@pytest.mark.usefixtures("no_references")
def test_op_without_reference_is_named_with_the_line_to_write():
    with pytest.raises(SaveError) as raised:
        recorded(twice)

    assert "its op corekit_test_program::twice is a plugin's" in str(raised.value)
    assert '@corekit.reference("corekit_test_program::twice")' in str(raised.value)


@pytest.mark.usefixtures("no_references")
def test_reference_stands_in_the_ops_place():
    ck.reference("corekit_test_program::twice")(lambda x: x + x)

    program = recorded(lambda x: twice(x) + 1)

    assert operations(program) == {"aten.add.Tensor"}
    assert torch.equal(program.exported.module()(torch.ones(3, 4)), torch.full((3, 4), 3.0))


@pytest.mark.usefixtures("no_references")
def test_reference_that_fails_is_named():
    ck.reference("corekit_test_program::twice")(lambda x: x.no_such_thing)

    with pytest.raises(SaveError, match="could not record the reference of corekit_test_program::twice, at test_prog"):
        recorded(twice)


@pytest.mark.usefixtures("no_references")
def test_reference_that_needs_an_op_is_no_reference():
    ck.reference("corekit_test_program::twice")(lambda x: thrice(x) - x)

    with pytest.raises(SaveError, match="its op corekit_test_program::thrice is a plugin's"):
        recorded(twice)


@torch.library.custom_op("corekit_test_program::thrice", mutates_args=())
def thrice(x: Tensor) -> Tensor:
    return x * 3


thrice.register_fake(torch.empty_like)


@pytest.mark.usefixtures("no_references")
def test_ops_under_autocast_keep_the_recorded_dtype():
    ck.reference("corekit_test_program::twice")(lambda x: x @ torch.full((4, 4), 0.5))  # autocast would cast it
    model = ck.Sequential([ck.Input((4,)), Calls(twice, dtype="mixed_bfloat16")])

    program = record(model, signature_of(model))

    assert program.coarsest == torch.bfloat16
    assert program.exported.module()(torch.ones(2, 4)).dtype == torch.bfloat16
    assert not any("autocast" in name for name in operations(program))


TABLE = torch.randn(7, 2)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: torch.nn.functional.embedding(x.long(), TABLE), 7),
        (lambda x: torch.nn.functional.embedding(x[:, 1:].reshape(-1, 3).to(torch.int64), TABLE), 7),
        (lambda x: torch.nn.functional.one_hot(x.long(), 5), 5),
        (lambda x: torch.nn.functional.embedding(x.long() % 7, TABLE), None),
        (lambda x: x + TABLE[:2, :1].sum(), None),
    ],
    ids=["embedding", "sliced", "one_hot", "computed", "none"],
)
def test_vocabulary_is_that_of_the_table(function, expected):
    assert recorded(function).vocabularies == [expected]


def test_smallest_table_counts():
    def two(x):
        return torch.nn.functional.embedding(x, TABLE) + torch.nn.functional.embedding(x, TABLE[:3])

    assert recorded(two, dtype="int64").vocabularies == [3]


def test_program_does_not_tell_the_folders_of_this_machine():
    program = recorded(torch.relu)

    assert all("stack_trace" not in node.meta for node in program.exported.graph.nodes)


def test_full_precision_ends_with_the_block():
    model = ck.Sequential(
        [ck.Input((4,)), Calls(torch.relu, dtype="mixed_float16"), Calls(torch.relu, dtype="float64")]
    )

    with contextlib.suppress(ZeroDivisionError), in_full_precision(model):
        within = model(torch.ones(1, 4)).dtype, model.layers[0](torch.ones(1, 4)).dtype
        raise ZeroDivisionError

    assert within == (torch.float64, torch.float32)
    assert model.layers[0](torch.ones(1, 4)).dtype == torch.float16


def test_silence_ends_with_the_block():
    levels = [logging.getLogger(name).level for name in ("torch", "onnxscript")]

    with torchs_words_off():
        assert logging.getLogger("torch.fx.experimental.symbolic_shapes").getEffectiveLevel() == logging.CRITICAL

    assert [logging.getLogger(name).level for name in ("torch", "onnxscript")] == levels


def test_warnings_of_the_models_own_code_are_heard():
    with torchs_words_off(), pytest.warns(UserWarning, match="slow"):
        warnings.warn("slow", stacklevel=1)
