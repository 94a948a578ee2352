import importlib_metadata
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corekit.registry.metadata import groups_of, head_of

WORD = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,8}", fullmatch=True)


@given(st.dictionaries(WORD, st.dictionaries(WORD, WORD, max_size=3), max_size=3))
def test_groups_are_those_that_importlib_metadata_reads(listed):
    text = "\n".join(
        f"[corekit.{group}]\n" + "".join(f"{name} = {value}:{value}\n" for name, value in entries.items())
        for group, entries in listed.items()
    )
    theirs: dict[str, dict[str, str]] = {}
    for entry in importlib_metadata.EntryPoints._from_text(text):
        theirs.setdefault(entry.group.removeprefix("corekit."), {})[entry.name] = entry.value

    assert groups_of(text.encode(), "corekit.") == theirs


def test_comments_blank_lines_and_other_groups_are_passed_over():
    text = (
        b"\n[console_scripts]\r\nx = y:z\r\n\r\n[ corekit.layers ]\n# Old = a:b\n; Older = a:b\n  Norm=norms:Norm = 1\n"
    )

    assert groups_of(text, "corekit.") == {"layers": {"Norm": "norms:Norm = 1"}}


@pytest.mark.parametrize("line", ["Norm", "= norms:Norm", "\xff"])
def test_a_line_that_is_none_of_these_is_an_error(line):
    with pytest.raises(ValueError, match=r"line|decode"):
        groups_of(b"[corekit.layers]\n" + line.encode("latin-1"), "corekit.")


def test_an_entry_before_any_group_is_an_error():
    with pytest.raises(ValueError, match="line 'Norm = norms:Norm'"):
        groups_of(b"Norm = norms:Norm\n[corekit.layers]", "corekit.")


def test_name_and_version_are_read_from_the_head_alone():
    text = (
        b"metadata-version: 2.1\r\nNAME:  My.Norms \r\nAuthor: J\xf6rg\r\nVersion: 1.0\r\nName: other\r\n\r\nVersion: 9"
    )

    assert head_of(text) == ("My.Norms", "1.0", [])


@pytest.mark.parametrize(
    "text", [b"", b"Name: norms\n\nVersion: 1.0", b"Name:\nVersion: 1.0", b"Name: \xff\nVersion: 1"]
)
def test_a_head_without_them_is_an_error(text):
    with pytest.raises(ValueError, match=r"no name and version|decode"):
        head_of(text)
