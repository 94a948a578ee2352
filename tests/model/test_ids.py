import sys

import pytest

from corekit.model.ids import count_layers, meanings, named_ids, optimizer_arrays


@pytest.mark.parametrize("record", [None, 3, [], {"layers": 3}, {"layers": [3, [1]], "steps": [2, {"op": 1}]}])
def test_what_is_malformed_names_nothing(record):
    assert list(named_ids(record)) == []


@pytest.mark.parametrize("key", ["config", "inputs", "built_with"])
def test_ids_are_found_wherever_values_are_decoded(key):
    record = {"type": "component", key: {"a": [{"$tuple": [{"$component": ["losses", "x:Y"], "config": {}}]}]}}

    assert list(named_ids(record)) == [("losses", "x:Y")]


def test_layers_nested_in_arguments_are_each_looked_at_once():
    record = {"type": "component", "id": "a:Inner"}
    for _ in range(18):
        record = {"type": "component", "id": "a:Outer", "config": {"layer": {"$layer": record}}}
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        found = list(named_ids(record))
    finally:
        sys.setprofile(None)

    assert sorted(found) == [("layers", "a:Inner"), *[("layers", "a:Outer")] * 18]
    assert (
        calls < 50 * 18 * 18
    )  # a generator within a generator is resumed for each id that passes; twice each is 2 ** 18


def test_a_plain_argument_called_id_names_nothing():
    assert list(named_ids({"type": "component", "config": {"id": "mine", "op": "mine", "layers": [["a", {}]]}})) == []


def test_layers_are_counted_each_time_that_they_are_listed():
    shared = {"type": "shared", "number": 1}
    row = {
        "type": "sequential",
        "layers": [["a", {"type": "component"}], ["b", shared], ["c", {"layers": [["d", shared]]}]],
    }

    assert count_layers(row) == 5


def test_meanings_are_found_in_layers_and_those_inside():
    inner = {"type": "component", "names": {"losses": {"b": "x:B"}}}
    record = {"layers": [["l", {"names": {"losses": {"a": "x:A"}}, "config": {"l": {"$layer": inner}}}]]}

    assert sorted(meanings(record)) == [("losses", "a", "x:A"), ("losses", "b", "x:B")]
    assert sorted(named_ids(record)) == [("losses", "x:A"), ("losses", "x:B")]


def test_an_argument_called_names_is_no_meaning():
    assert list(meanings({"config": {"names": {"losses": {"a": "x:A"}}}})) == []


@pytest.mark.parametrize("names", [None, 3, [], {"losses": 3}, {"losses": {"a": 3}}, {"losses": {"a": None}}])
def test_malformed_meanings_are_passed_over(names):
    assert list(named_ids({"names": names})) == []


@pytest.mark.parametrize(
    "training", [None, 3, {}, {"state": 3}, {"state": {"values": [1]}}, {"state": {"values": {"a": 1}}}]
)
def test_malformed_state_has_no_arrays(training):
    assert list(optimizer_arrays(training)) == []


def test_arrays_of_an_optimizer_are_found():
    values = {"w": {"m": {"$stored": "optimizer.w.m"}, "step": {"$tensor": ["float64", [], [1.0]]}}}

    assert list(optimizer_arrays({"state": {"values": values}})) == [("w", "m", "optimizer.w.m")]
