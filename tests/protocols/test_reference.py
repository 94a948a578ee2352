import pytest

import corekit as ck
from corekit.errors import ArgumentError
from corekit.protocols import reference as references
from corekit.protocols.reference import reference, reference_of


@pytest.fixture(autouse=True)
def empty_table(monkeypatch):
    monkeypatch.setattr(references, "_references", {})


def twice(x):
    return x + x


def thrice(x):
    return x + x + x


def test_reference_is_found_by_the_ops_name():
    assert ck.reference("zoo::twice")(twice) is twice
    assert reference_of("zoo::twice") is twice
    assert reference_of("zoo::thrice") is None


@pytest.mark.parametrize("name", ["twice", "zoo.twice", "zoo::", "zoo::twice.default", "", twice])
def test_what_is_no_name_shows_the_line(name):
    with pytest.raises(ArgumentError, match=r'@corekit\.reference\("my_plugin::my_op"\)'):
        reference(name)


def test_another_function_for_one_op_is_refused_and_named():
    reference("zoo::twice")(twice)

    with pytest.raises(ArgumentError, match=r"thrice cannot be the reference of zoo::twice: .*\.twice is"):
        reference("zoo::twice")(thrice)

    assert reference_of("zoo::twice") is twice


def test_reloaded_module_may_say_it_again():
    reference("zoo::twice")(twice)
    again = type(twice)(twice.__code__, {}, "twice")
    again.__module__, again.__qualname__ = twice.__module__, twice.__qualname__

    reference("zoo::twice")(again)

    assert reference_of("zoo::twice") is again
