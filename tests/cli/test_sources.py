"""Where a distribution could come from, with an index that is a dictionary: what is on offer, and to whom."""

from pathlib import Path

import pytest

import corekit as ck
from corekit.cli import sources
from corekit.cli.installer import Answer
from corekit.cli.needs import Need, Part
from corekit.errors import ArgumentError
from corekit.registry.locking import Entry

STANDARD = "corekit-layers-basic"


def need(name, saved="2.0", installed=None, state="missing"):
    return Need(name, saved, installed, [Part("layers", f"{name}:Norm", state)])


def one(needed, index=None, lock=(), trust=()):
    """Return the source of one need, and what the index was asked."""
    asked = []

    def ask(name, pre):
        asked.append(name)
        return Answer((index or {}).get(name, []))

    (found,) = sources.sources([needed], {entry.name: entry for entry in lock}, "my.lock", trust, ask)
    return found, asked


@pytest.fixture(autouse=True)
def nothing_installed(site):
    """No policy of this repository's folder, and no plugin, has a say."""


def test_lock_is_trusted_and_the_index_not_asked():
    found, asked = one(need("a-norm"), {"a-norm": ["9"]}, lock=[Entry("a-norm", "1.2")])

    assert (found.place, found.pin, found.trusted, asked) == ("lock", "a-norm==1.2", True, [])
    assert found.told == ("my.lock has 1.2. The file was saved with 2.0.",)


def test_lock_of_an_editable_install_offers_nothing():
    found, _ = one(need("a-norm"), lock=[Entry("a-norm", "1.2", editable=True)])

    assert found.pin == ""
    assert "pip install --editable FOLDER_OF_a-norm" in found.told


def test_name_of_the_file_alone_is_not_trusted():
    found, _ = one(need("a-norm"), {"a-norm": ["3.0", "2.0"]})

    assert (found.pin, found.trusted) == ("a-norm==2.0", False)
    assert found.told == ("Named by the file, not verified.", "Your index has 2.0, and up to 3.0.")


def test_trust_is_for_the_name_that_was_given():
    assert one(need("a-norm"), {"a-norm": ["2.0"]}, trust=["a-norm"])[0].trusted
    assert not one(need("a-norn"), {"a-norn": ["2.0"]}, trust=["a-norm"])[0].trusted


def test_standard_one_is_trusted_and_the_files_version_is_not():
    """A stranger may not choose an old release for us."""
    found, _ = one(need(STANDARD, "0.0.1"), {STANDARD: ["0.1.4", "0.0.1"]})

    assert (found.pin, found.trusted) == (STANDARD, True)
    assert f"pip takes the newest that fits corekit {ck.__version__}." in found.told


def test_standard_one_in_the_files_version_needs_a_word():
    found, _ = one(need(STANDARD, "0.0.1"), {STANDARD: ["0.1.4", "0.0.1"]}, trust=[STANDARD])

    assert found.pin == f"{STANDARD}==0.0.1"


@pytest.mark.parametrize("name", ["corekit-layer-basic", "corekit-1ayers-basic", "corekit-layers-basics"])
def test_look_alike_of_a_standard_one_is_told(name):
    found, _ = one(need(name), {name: ["2.0"]})

    assert not found.trusted
    assert f"It is not {STANDARD}, which it looks like." in found.told


def test_index_without_the_saved_version_says_so():
    found, _ = one(need("a-norm"), {"a-norm": ["3.0"]})

    assert "Your index has 3.0, and not the 2.0 that the file was saved with." in found.told


def test_index_without_the_name_offers_nothing():
    found, _ = one(need("a-norm"))

    assert found.pin == ""
    assert "Your index has no a-norm for this Python and platform." in found.told


@pytest.mark.parametrize("word", ["", "-r x", "--index-url=http://x", "a/b", "A_Norm", "corekit-l\u0430yers", "local"])
def test_index_is_not_asked_for_what_is_no_name(word):
    found, asked = one(need(word), lock=[Entry(word, "1.0")], trust=[word])

    assert (found.pin, asked) == ("", [])


def test_what_is_here_changes_for_no_file():
    found, _ = one(need("a-norm", installed="1.0", state="here"), {"a-norm": ["3.0", "2.0"]})

    assert found.pin == ""
    assert "To have that:  corekit sync FILE --trust a-norm" in found.told


def test_what_is_here_changes_for_the_lock_and_for_trust():
    here = need("a-norm", installed="1.0", state="here")

    assert one(here, lock=[Entry("a-norm", "2.0")])[0].pin == "a-norm==2.0"
    assert one(here, lock=[Entry("a-norm", "1.0")], trust=["a-norm"])[0].pin == ""
    assert one(here, {"a-norm": ["3.0", "2.0"]}, trust=["a-norm"])[0].pin == "a-norm==2.0"
    assert one(here, {"a-norm": ["3.0"]}, trust=["a-norm"])[0].pin == ""


def test_what_would_be_switched_off_is_not_on_offer(monkeypatch):
    monkeypatch.setenv("COREKIT_ALLOW", STANDARD)

    found, asked = one(need("a-norm"), {"a-norm": ["2.0"]})

    assert (found.pin, asked) == ("", [])
    assert 'add "a-norm" to allow in COREKIT_ALLOW' in found.told


def test_early_releases_are_seen_only_if_the_file_was_saved_with_one():
    asked = []

    def ask(name, pre):
        asked.append(pre)
        return Answer([])

    wanted = [need("a", saved) for saved in ("1.0", "1.0.post1", "", "1.0+cpu", "1.0rc1", "1.0.dev3")]
    sources.sources(wanted, {}, "", [], ask)

    assert asked == [False, False, False, False, True, True]


def test_index_is_not_flooded_with_a_strangers_names():
    wanted = [*(need(f"a-{number:03}") for number in range(300)), need("b-known"), need(STANDARD)]
    asked = []

    def ask(name, pre):
        asked.append(name)
        return Answer([])

    found = sources.sources(wanted, {}, "", ["b-known"], ask)

    assert len(found) == 302
    assert asked == [*(f"a-{number:03}" for number in range(sources.MOST_ASKED)), "b-known", STANDARD]
    assert "Your index was not asked" in found[299].told[-1]


def test_page_tells_how_many_are_asked_for():
    page = (Path(__file__).parents[2] / "docs" / "format.md").read_text()

    assert f"at most {sources.MOST_ASKED} names that nobody but the file vouches for" in page


def test_index_that_cannot_be_asked_is_asked_once():
    asked = []

    def ask(name, pre):
        asked.append(name)
        return Answer([], "no route\x1b[2J")

    found = sources.sources([need("a"), need("b")], {}, "", [], ask)

    assert asked == ["a"]
    assert found[0].told[-1] == "Your index could not be asked: no route\\x1b[2J."
    assert found[1].told[-1] == "Your index was not asked again."


def test_trust_in_a_name_that_the_file_does_not_have_is_refused():
    with pytest.raises(ArgumentError, match=r"asks for a-n0rm, which is another"):
        sources.check_trust(["a-norm"], [need("a-n0rm")])


def test_hook_modules_are_told_and_not_run(site):
    site.install("a-hooked", {"hooks": {"more": "a_hooks"}}, a_hooks="raise SystemExit('run')")

    found, _ = one(need("a-hooked", "1.0", "1.0"))

    assert "Its hook modules may add more when they run; none was run." in found.told
