import pytest

from corekit.cli import needs

NORMS = {"layers": {"Norm": "norms:Norm", "Other": "norms:Other"}}


def told(*ids, requires=None):
    record = {"layers": [[str(number), {"id": id}] for number, id in enumerate(ids)]}
    return {one.word: one for one in needs.needs({"architecture": record, "requires": requires})}


@pytest.fixture
def norms(site):
    site.install("a-norm", NORMS, version="1.0")


@pytest.mark.parametrize(
    ("ids", "saved", "state"),
    [
        (["a-norm:Norm"], "1", "here"),
        (["a-norm:Norm"], "so", "here"),
        (["a-norm:Norm"], "0.9", "other version"),
        (["a-norm:Norm", "a-norm:Gone"], "1.0", "part missing"),
    ],
)
def test_state_is_told_in_a_word(norms, ids, saved, state):
    assert told(*ids, requires={"a-norm": saved})["a-norm"].state == state


def test_distribution_that_is_not_here_is_missing(norms):
    need = told("b-far:Norm", requires={"b-far": "2.0"})["b-far"]

    assert (need.state, need.saved, need.installed) == ("missing", "2.0", None)


def test_another_spelling_is_no_name(norms):
    """The loader takes exact ids only, so to install what such a name might mean would not help."""
    assert told("A_Norm:Norm")["A_Norm"].state == "not a name"


def test_what_is_installed_and_no_plugin_is_not_missing(site):
    site.install("a-tool", {})

    assert told("a-tool:Norm")["a-tool"].state == "part missing"


def test_what_is_listed_and_not_used_is_not_needed(norms):
    metadata = {"architecture": {"id": "a-norm:Norm"}, "requires": {"a-norm": "1", "a-lure": "1"}}

    assert [one.word for one in needs.needs(metadata)] == ["a-norm"]
    assert needs.unused(metadata, needs.needs(metadata)) == ["a-lure"]


@pytest.mark.parametrize("requires", [None, 3, [], {"a-norm": None}, {"a-norm": {}}])
def test_list_that_is_none_is_no_crash(norms, requires):
    assert told("a-norm:Norm", requires=requires)["a-norm"].saved == ""


def test_words_that_are_shown_are_plain():
    assert needs.shown("\x1b[2J\u202eb\u0430d\n") == "\\x1b[2J\\u202eb\\u0430d\\n"


def test_what_training_needs_is_needed(norms):
    training = {"config": {"optimizer": {"$component": ["optimizers", "b-far:Lion"], "config": {}}}}

    found = needs.needs({"architecture": {"id": "a-norm:Norm"}, "training": training})

    assert [(one.word, one.state) for one in found] == [("a-norm", "here"), ("b-far", "missing")]
