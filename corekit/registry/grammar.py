"""Which words may become part of a command line: names of distributions, and versions.

Names are as PEP 503 writes them, versions as PEP 440 does. What is neither is not mended: it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 80  # characters, which a line shows whole
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def is_name(word: object) -> bool:
    """Return whether a word is a distribution's name in its canonical form.

    Such a word is no option, path, URL or archive to pip, and has no letter that looks like one of another alphabet.

    Example:
        >>> [is_name(word) for word in ("corekit-norms", "Corekit_Norms", "--index-url", "norms.zip")]
        [True, False, False, False]
    """
    return isinstance(word, str) and len(word) <= LONGEST and NAME.fullmatch(word) is not None


def version(word: object) -> str:
    """Return a version in its normal form; "" for a word that is none.

    A local version with a point is none either: to pip, `norms==1+a.zip` is a file of that name, if there is one.

    Example:
        >>> [version(word) for word in ("1.0", "v1.0.RC1", "1 --pre", "1.*", "1.0+cu128", "1+a.zip")]
        ['1.0', '1.0rc1', '', '', '1.0+cu128', '']
    """
    if not isinstance(word, str) or len(word) > LONGEST or not word.isascii():
        return ""
    from packaging.version import InvalidVersion, Version  # only where versions are compared

    try:
        found = Version(word)
    except InvalidVersion:
        return ""
    return "" if "." in (found.local or "") else str(found)


def same(one: str, other: str) -> bool:
    """Return whether two words are one version, however they are written.

    Example:
        >>> same("1.0", "1"), same("1.0", "1.1"), same("", "")
        (True, False, False)
    """
    from packaging.version import Version

    first, second = version(one), version(other)
    return bool(first and second) and Version(first) == Version(second)


def newest_first(words: Iterable[str]) -> list[str]:
    """Return the versions among words, each once, the newest first.

    Example:
        >>> newest_first(["0.9", "0.10", "so", "0.9"])
        ['0.10', '0.9']
    """
    from packaging.version import Version

    return sorted(set(filter(None, map(version, words))), key=Version, reverse=True)
