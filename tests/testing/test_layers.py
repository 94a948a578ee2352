"""What the kit for layers is as a whole; that each check finds faults is in the test_faults files."""

import pytest
import torch

import corekit as ck
from corekit.protocols.example import Example, Values
from corekit.testing import check_layer
from corekit.testing.case import Case, subject_of
from corekit.testing.kit import CHECKED_BY, checks_for, run

KINDS = ["layers", "activations", "initializers", "regularizers", "constraints"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_check_says_what_breaks(kind):
    for check in checks_for(kind).checks:
        assert len(check.why.split()) > 8, check.name


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_checks_differ(kind):
    names = [check.name for check in checks_for(kind).checks]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("kind", KINDS)
def test_minimum_can_be_reached(kind):
    assert kind in CHECKED_BY
    assert checks_for(kind).minimum <= len(checks_for(kind).checks)


@pytest.mark.parametrize(
    ("module", "inputs", "arguments"),
    [
        (torch.nn.Linear, ((4,),), {"in_features": 4, "out_features": 2}),
        (torch.nn.LayerNorm, ((3, 4),), {"normalized_shape": 4}),
        (torch.nn.Dropout, ((40,),), {"p": 0.5}),
        (torch.nn.LazyLinear, ((4,),), {"out_features": 3}),
        (torch.nn.Embedding, (Values((4,), high=7, dtype="int64"),), {"num_embeddings": 7, "embedding_dim": 3}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_torch_module_passes(module, inputs, arguments):
    slow = ("import_budget", "distributes", "compiles")
    names = tuple(check.name for check in checks_for("layers").checks if check.name not in slow)

    outcomes = check_layer(module, *inputs, only=names, **arguments)

    assert {one.status for one in outcomes} == {"passed", "skipped"}


def test_batch_of_one_in_torchs_batch_norm_is_a_failure():
    inputs = Example((Values((4,)),), {"num_features": 4})

    (outcome,) = run([subject_of(torch.nn.BatchNorm1d, "layers", examples=[inputs])], ("batch_sizes",))

    assert outcome.status == "failed"
    assert "a batch of 1 with training=True" in outcome.message


def test_open_axis_is_drawn_in_several_sizes():
    seen = set()

    class Noting(ck.Layer):
        def call(self, inputs):
            seen.add(tuple(inputs.shape)[1:])
            return inputs

    run([subject_of(Noting, "layers", examples=[Example((Values((None, None, 2)),))])], ("shapes",))

    assert len(seen) > 3
    assert (4, 5, 2) in seen


def test_inputs_are_the_same_for_the_same_arguments():
    torch.manual_seed(1)
    case = Case(subject_of(torch.nn.Tanh, "layers"), Example((Values((None, 3)),)))
    first = case.inputs(batch=2)
    torch.rand(3)

    assert torch.equal(first[0], case.inputs(batch=2)[0])
    assert not torch.equal(first[0], case.inputs(batch=2, seed=5)[0])


def test_torchs_generator_is_left_as_it_was():
    before = torch.get_rng_state()

    run([subject_of(torch.nn.Tanh, "layers")], ("seeds", "gradients"))

    assert torch.equal(torch.get_rng_state(), before)
