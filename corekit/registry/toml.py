"""The little TOML that corekit writes: a string, and one list of names in a file that is somebody else's.

All of such a file but the list stays as it is, byte for byte, comments and line ends included; a list that was added
and emptied again leaves no trace. What comes out is parsed and compared, so a file in a form that is not known here is
refused instead of damaged. Why not tomlkit: it is a dependency, and this is one list.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r"""(?P<item>"(?:[^"\\\n]|\\.)*"|'[^'\n]*')|(?P<end>\])|,|\#[^\n]*|\s+""")
_TAIL = r"[ \t]*(?:\#[^\n]*?)?(?:\r?\n|\Z)"  # what may follow on a line


def quoted(text: str) -> str:
    """Return a string as TOML writes it.

    Example:
        >>> print(quoted('a "b"'))
        "a \\"b\\""
    """
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def add(text: str, table: str, key: str, name: str) -> str:
    """Return a file's text with one more name at the end of a list; the list, and its table, are made if need be.

    Args:
        text: the whole file, with its own line ends.
        table: such as "tool.corekit"; "" for what stands above the first table.
        key: of the list.
        name: what is added.

    Raises:
        ValueError: it is no TOML, or in a form that is not known here.

    Example:
        >>> print(add('[tool.corekit]  # ours', "tool.corekit", "disable", "corekit-einops"))
        [tool.corekit]  # ours
        disable = ["corekit-einops"]
    """
    names, rest = _parted(text, table, key)
    return _checked(_with(text, table, key, quoted(name)), table, key, ([*names, name], rest))


def remove(text: str, table: str, key: str, name: str) -> str:
    """Return a file's text without a name in a list, wherever it stands in it; what is then empty goes too.

    Raises:
        ValueError: it is no TOML, or in a form that is not known here.

    Example:
        >>> print(remove('disable = ["corekit-a", "corekit-b"]', "", "disable", "corekit-a"))
        disable = ["corekit-b"]
    """
    names, rest = _parted(text, table, key)
    changed = text
    for _ in range(names.count(name)):
        changed = _without(changed, table, key, name)
    return _checked(changed, table, key, ([one for one in names if one != name], rest))


@dataclass(frozen=True)
class _Array:
    """Where a list stands in a text: its first line, its brackets, and its items."""

    line: int
    opening: int
    closing: int
    items: list[tuple[int, int]]


def _parted(text: str, table: str, key: str) -> tuple[list[Any], dict[str, Any]]:
    """Return the list, and all else; a table that holds nothing but the list is the same as none."""
    data = tomllib.loads(text)
    inner: Any = data
    for part in table.split(".") if table else ():
        inner = inner.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ValueError(f"{part} is no table")
    names = inner.pop(key, [])
    if not isinstance(names, list):
        raise ValueError(f"{key} is no list")
    return names, data


def _checked(text: str, table: str, key: str, expected: tuple[list[Any], dict[str, Any]]) -> str:
    if _parted(text, table, key) != expected:
        raise ValueError(f"{key} is written in a form that cannot be changed with certainty")
    return text


def _with(text: str, table: str, key: str, item: str) -> str:
    end = _line_end(text)
    section = _section(text, table)
    if section is None:
        return _with_table(text, f"[{table}]{end}{key} = [{item}]", end)
    array = _array(text, *section, key)
    if array is None:
        return _inserted(text, section[0], f"{key} = [{item}]", end)
    if not array.items:
        return text[: array.opening + 1] + item + text[array.opening + 1 :]
    return _with_item(text, array, item, end)


def _with_table(text: str, block: str, end: str) -> str:
    """Append a table after an empty line; the file ends with a line end if it did before."""
    if not text:
        return block + end
    return f"{text}{end}{block}{end}" if text.endswith("\n") else f"{text}{end}{end}{block}"


def _inserted(text: str, at: int, line: str, end: str) -> str:
    if at and not text[:at].endswith("\n"):  # a header that ends the file
        return f"{text}{end}{line}"
    return text[:at] + line + end + text[at:]


def _with_item(text: str, array: _Array, item: str, end: str) -> str:
    """Put an item after the last one: on a line of its own, and before no comment, where the last has its own line."""
    start, stop = array.items[-1]
    begin = text.rfind("\n", 0, start) + 1
    indent, after = text[begin:start], re.compile(r"[ \t]*(,?)" + _TAIL).match(text, stop)
    if indent.strip() or after is None or after.end() > array.closing:
        return f"{text[:stop]}, {item}{text[stop:]}"
    comma = after[1]
    return (
        f"{text[:stop]}{'' if comma else ','}{text[stop : after.end()]}{indent}{item}{comma}{end}{text[after.end() :]}"
    )


def _without(text: str, table: str, key: str, name: str) -> str:
    section = _section(text, table)
    array = section and _array(text, *section, key)
    if not array:
        raise ValueError(f"{key} was not found")
    values = [tomllib.loads(f"item = {text[slice(*item)]}")["item"] for item in array.items]
    if name not in values:
        raise ValueError(f"{key} was not found")
    if len(values) == 1 and "#" not in text[array.opening : _line_stop(text, array.closing)]:
        return _without_list(text, table, array)
    return _without_item(text, array, values.index(name))


def _without_item(text: str, array: _Array, index: int) -> str:
    """Take an item out with its comma: the whole line, comment included, where it stands there alone."""
    start, stop = array.items[index]
    previous = array.items[index - 1][1] if index else array.opening + 1
    following = array.items[index + 1][0] if index + 1 < len(array.items) else None
    begin = text.rfind("\n", 0, start) + 1
    after = re.compile(r"[ \t]*(,?)" + _TAIL).match(text, stop)
    if not text[begin:start].strip() and after is not None and after.end() <= array.closing:
        before = text[:begin]
        if following is None and index and not after[1]:  # the last had no comma, and the one that is it now gets none
            before = before[:previous] + before[previous:].replace(",", "", 1)
        return before + text[after.end() :]
    first, last = (previous, stop) if following is None else (start, following)
    if "#" in text[first:start] + text[stop:last]:
        raise ValueError("a comment stands between the names")
    return text[:first] + text[last:]


def _without_list(text: str, table: str, array: _Array) -> str:
    """Take a list out with its lines, and its table where nothing follows any more: that is as `add` appends one."""
    text = _cut(text, array.line, _line_stop(text, array.closing))
    section = _section(text, table)
    if section is None or text[section[0] :]:
        return text
    header = text.rfind("\n", 0, section[0] - 1) + 1
    if text[header:].strip() != f"[{table}]":  # somebody else's: it has a comment
        return text
    empty_line = r"(?<=\n)\r?\n\Z" if text.endswith("\n") else r"(\r?\n){1,2}\Z"
    return re.sub(empty_line, "", text[:header])


def _cut(text: str, start: int, stop: int) -> str:
    """Take whole lines out; the file ends with a line end if it did before."""
    before = text[:start]
    if stop == len(text) and not text.endswith("\n"):
        before = re.sub(r"\r?\n\Z", "", before)
    return before + text[stop:]


def _section(text: str, table: str) -> tuple[int, int] | None:
    """Return where the keys of a table stand: from below its header to the next header; None where it has none."""
    start = 0
    if table:
        dotted = r"[ \t]*\.[ \t]*".join(rf"[\"']?{re.escape(part)}[\"']?" for part in table.split("."))
        header = re.search(rf"^[ \t]*\[[ \t]*{dotted}[ \t]*\]{_TAIL}", text, re.MULTILINE)
        if header is None:
            return None
        start = header.end()
    following = re.compile(r"^[ \t]*\[", re.MULTILINE).search(text, start)
    return start, following.start() if following else len(text)


def _array(text: str, start: int, stop: int, key: str) -> _Array | None:
    opening = re.compile(rf"^[ \t]*[\"']?{key}[\"']?[ \t]*=[ \t]*\[", re.MULTILINE).search(text, start, stop)
    if opening is None:
        return None
    at = opening.end()
    items: list[tuple[int, int]] = []
    while token := _TOKEN.match(text, at):
        if token["end"]:
            return _Array(opening.start(), opening.end() - 1, token.start(), items)
        if token["item"]:
            items.append(token.span())
        at = token.end()
    raise ValueError(f"{key} is written in a form that is not known here")


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _line_stop(text: str, at: int) -> int:
    return text.find("\n", at) + 1 or len(text)
