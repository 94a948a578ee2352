import itertools

import pytest

from corekit.registry.toml import add, quoted, remove

TABLE, KEY, NAME = "tool.corekit", "disable", "corekit-new:One"

LISTS = [
    '["a"]',
    '["a",]',
    '[ "a" ]',
    "['a', \"b\"]",
    '[\n  "a",\n  "b"\n]',
    '[\n  "a",  # why\n  "b",  # or, not\n]',
    '[\n\t"a",\n\t"b"  # last\n]',
    '[\n  # above\n  "a",\n  # below ]\n]',
    '["a",\n "b"]',
    '[  # of both\n  "a", "b",\n]',
    '["a"]  # beside',
]
AROUND = [
    '[project]\nname = "x"\n\n[tool.corekit]\ndisable = {}\n\n[tool.z]\nk = 1\n',
    '[tool.corekit]\nprefer = ["q"]\ndisable = {}',
    '[tool.corekit]\n# a note\n  disable= {}\nprefer = [\n"q"]\n',
    '[ tool . "corekit" ] # h\n"disable" = {}\n',
]
WITHOUT = [
    "",
    "\n",
    "# a comment\n",
    '[project]\nname = "x"',
    '[project]\nname = "x"\n',
    '[project]\nname = "x"\n\n',
    '[tool.corekit]\nprefer = ["q"]\n',
    '[tool.corekit]\nprefer = ["q"]',
    "[tool.corekit]\n\n[tool.z]\nk = 1\n",
    "[tool.corekit.more]\nx = 1\n",
    "x = 1979-05-27\n",
]
FILES = [*WITHOUT, *(around.format(one) for around, one in itertools.product(AROUND, LISTS))]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("text", FILES)
def test_remove_undoes_add_byte_for_byte(text, end):
    text = text.replace("\n", end)

    changed = add(text, TABLE, KEY, NAME)

    assert changed != text
    assert remove(changed, TABLE, KEY, NAME) == text
    if "\r" in text:
        assert changed.count("\n") == changed.count("\r\n")


@pytest.mark.parametrize("text", ["", 'prefer = ["q"]', '# c\nprefer = ["q"]\n', "[other]\nx = 1\n", 'disable = ["a"]'])
def test_a_list_above_all_tables(text):
    changed = add(text, "", KEY, NAME)

    assert changed.startswith("disable = [")
    assert remove(changed, "", KEY, NAME) == text


def test_an_item_gets_a_line_like_the_others():
    text = '[tool.corekit]\ndisable = [\n    "a",  # why\n    "b"  # last\n]\n'

    assert add(text, TABLE, KEY, "c") == (
        '[tool.corekit]\ndisable = [\n    "a",  # why\n    "b",  # last\n    "c"\n]\n'
    )


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("a", '[\n  # above\n  "b",  # of b\n  "c",\n]'),
        ("b", '[\n  # above\n  "a",  # of a\n  "c",\n]'),
        ("c", '[\n  # above\n  "a",  # of a\n  "b",  # of b\n]'),
    ],
)
def test_an_item_goes_with_its_own_comment_only(name, left):
    text = 'disable = [\n  # above\n  "a",  # of a\n  "b",  # of b\n  "c",\n]'

    assert remove(text, "", KEY, name) == f"disable = {left}"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('disable = ["a"]  # note', "disable = []  # note"),
        ('disable = [\n  # note\n  "a",\n]', "disable = [\n  # note\n]"),
        ('x = 1\ndisable = ["a"]\ny = 1', "x = 1\ny = 1"),
        ('disable = ["b", "a", "c", "a"]', 'disable = ["b", "c"]'),
    ],
)
def test_remove_keeps_what_is_not_the_names_own(text, left):
    assert remove(text, "", KEY, "a") == left


@pytest.mark.parametrize(
    "text",
    [
        'tool.corekit.disable = ["a"]\n',
        '[tool]\ncorekit = {disable = ["a"]}\n',
        '[tool]\ncorekit.disable = ["a"]\n',
        'x = """\n[tool.corekit]\n"""\n',
        "[tool.corekit]\nx = '''\ndisable = [\"a\"]\n'''\ndisable = [\"a\"]\n",
        "[tool]\ncorekit = 1\n",
        "[tool.corekit]\ndisable = 1\n",
        "[tool.corekit\n",
    ],
)
def test_what_is_not_understood_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        add(text, TABLE, KEY, NAME)


def test_a_comment_between_names_is_not_lost():
    with pytest.raises(ValueError, match="a comment stands between"):
        remove('disable = ["a", # of a\n "b"]', "", KEY, "b")


@pytest.mark.parametrize("text", ['a "b" \\', "\x7f\x01\n", "[red] ä 🙂"])
def test_quoted_is_read_as_it_was(text):
    import tomllib

    assert tomllib.loads(f"x = {quoted(text)}") == {"x": text}
