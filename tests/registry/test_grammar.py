import pytest

from corekit.registry import grammar


@pytest.mark.parametrize("word", ["a", "corekit-norms", "7zip", "a1-2-b", "a" * 80])
def test_names_of_distributions_are_names(word):
    assert grammar.is_name(word)


@pytest.mark.parametrize(
    "word",
    ["", "-r", "--index-url", "-r x", "a b", "a==1", "a[b]", "a;b", "a@b", "./a", "a/b", "a.zip", "A", "a_b", "a--b",
     "a-", "a\n", "a\0", "\x1b[2J", "corekit-l\u0430yers", "\u0661", "a" * 81, "https://x", None, 3],
)  # fmt: skip
def test_what_pip_might_take_for_more_is_no_name(word):
    assert not grammar.is_name(word)


@pytest.mark.parametrize(
    "word",
    ["", "-r x", "--index-url=x", "1 --pre", "1.*", ">=1", "1;x", "1,2", "1@x", "1/2", "1+a.zip", "1+a_whl", "1\n2",
     "\u0661.0", "1.0po\u017ft1", "1" * 81, None, 1.0],
)  # fmt: skip
def test_what_pip_might_take_for_more_is_no_version(word):
    assert grammar.version(word) == ""


def test_versions_that_cannot_be_read_are_never_the_same():
    assert not grammar.same("so", "so")
