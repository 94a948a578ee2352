import shutil

import pytest

from corekit.cli import merging
from corekit.cli.merging import has_markers, merge
from corekit.errors import CorekitError

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git, which merges, is not installed")
BASE = "one\ntwo\nthree\nfour\nfive\n"


@needs_git
def test_changes_in_two_places_stand_side_by_side():
    merged = merge(BASE.replace("one", "mine"), BASE, BASE.replace("five", "theirs"), label="new")

    assert merged == ("mine\ntwo\nthree\nfour\ntheirs\n", False)


@needs_git
def test_changes_in_one_place_are_shown_with_what_was_there():
    merged = merge(BASE.replace("two", "mine"), BASE, BASE.replace("two", "theirs"), label="corekit 9.9")

    assert merged.conflicts
    assert has_markers(merged.text)
    assert merged.text == (
        "one\n<<<<<<< yours\nmine\n||||||| as it was rendered\ntwo\n=======\ntheirs\n>>>>>>> corekit 9.9\n"
        "three\nfour\nfive\n"
    )


@needs_git
def test_the_users_own_git_settings_do_not_count(monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "merge.conflictStyle")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "merge")

    merged = merge("mine\n", "base\n", "theirs\n", label="new")

    assert "||||||| as it was rendered\nbase\n" in merged.text


@needs_git
def test_line_ends_stay_as_they_are():
    mine = BASE.replace("one", "mine").replace("\n", "\r\n")

    merged = merge(mine, BASE, BASE.replace("five", "theirs"), label="new")

    assert merged == ("mine\r\ntwo\r\nthree\r\nfour\r\ntheirs\r\n", False)


@needs_git
def test_letters_of_any_language_survive():
    merged = merge(BASE + "größe\n", BASE, BASE.replace("one", "eins → 1"), label="new")

    assert merged == ("eins → 1\ntwo\nthree\nfour\nfive\ngröße\n", False)


@pytest.mark.parametrize(
    ("mine", "base", "theirs", "merged"),
    [("a", "a", "b", "b"), ("b", "a", "a", "b"), ("b", "a", "b", "b"), ("a", "a", "a", "a")],
)
def test_one_sided_changes_need_no_git(monkeypatch, mine, base, theirs, merged):
    monkeypatch.setattr(shutil, "which", lambda name: None)

    assert merge(mine, base, theirs, label="new") == (merged, False)


def test_missing_git_is_named(monkeypatch):
    monkeypatch.setattr(merging.shutil, "which", lambda name: None)

    with pytest.raises(CorekitError, match="git is not installed"):
        merge("mine\n", "base\n", "theirs\n", label="new")
