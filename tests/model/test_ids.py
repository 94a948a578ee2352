import sys

import pytest

from corekit.model.ids import count_layers, named_ids


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
