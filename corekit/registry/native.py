"""What libraries of ops bring into the process, seen in their files before anything is loaded.

Two libraries that define one torch namespace end the process from C++, and no `try` in Python helps; one that was
built for another CUDA fails with a sentence about a file that nobody has heard of. Both can be known before: namespaces
stand in the names of compiled functions and in calls of `torch.library`, and what a library links to in its header. A
library without symbol names (`strip`) does not tell its namespace.
"""

from __future__ import annotations

import ast
import importlib.util
import mmap
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

BINARIES = (".so", ".pyd", ".dll", ".dylib")
_INIT = b"TORCH_LIBRARY_static_init_"  # what the macro TORCH_LIBRARY(namespace, ...) calls a variable
_CUDA = re.compile(rb"cudart(?:64)?(?:\.so\.|[-_])(\d+)|(?:torch_cuda|c10_cuda)\.(?:so|dll)\0")
_CUDA_OF_TORCH = re.compile(r"^cuda\b.*?=\s*['\"]([\d.]+)['\"]", re.MULTILINE)
_VERSION_OF_TORCH = re.compile(r"^__version__\s*=\s*['\"](.+?)['\"]", re.MULTILINE)
_DEFINING = ("custom_op", "triton_op", "define")  # of torch.library, called with "namespace::name"


class Native(NamedTuple):
    """What a distribution's files define and link to.

    Args:
        namespaces: that it defines as a whole, which one library in a process may do.
        ops: single ones that it adds, as "namespace::name".
        cuda: of each compiled library the major version of CUDA that it links to: "12", "" for some, None for none.
    """

    namespaces: frozenset[str]
    ops: frozenset[str]
    cuda: Mapping[str, str | None]


def look_into(packages: Iterable[str]) -> Native:
    """Look through the files of packages or modules, without importing one."""
    namespaces: set[str] = set()
    ops: set[str] = set()
    cuda: dict[str, str | None] = {}
    for path in (path for package in packages for path in _files(package)):
        if path.endswith(".py"):
            defined, added = _defined_in_python(path)
            namespaces |= defined
            ops |= added
        else:
            content = _content(path)
            namespaces |= set(_namespaces(content))
            linked = [match for word in (b"cudart", b"torch_cuda", b"c10_cuda") for match in _matches(content, word)]
            cuda[os.path.basename(path)] = max(linked, default=None)
    return Native(frozenset(namespaces), frozenset(ops), cuda)


def clash(mine: Native, others: Mapping[str, Native]) -> str:
    """Return, in a sentence, whose namespace or op a distribution would define a second time; "" where it is alone.

    Args:
        mine: what it defines.
        others: what each other plugin with ops defines.

    Example:
        >>> one = Native(frozenset({"fast"}), frozenset(), {})
        >>> clash(one, {"rival": one}).partition(":")[0]
        'it defines the torch namespace "fast", and so does rival'
    """
    for name, other in sorted(others.items()):
        if common := sorted(mine.namespaces & other.namespaces):
            what = f'the torch namespace "{common[0]}"'
        elif common := sorted(mine.ops & other.ops):
            what = f'the torch op "{common[0]}"'
        else:
            continue
        return (
            f"it defines {what}, and so does {name}: torch takes one of them, and loading both may end the process. "
            f"Switch one off:  COREKIT_DISABLE={name}"
        )
    return ""


def wrong_cuda(mine: Native) -> str:
    """Return, in a sentence, why none of a distribution's compiled libraries fits the installed torch; "" if one does.

    A distribution may bring one for CPU and one for CUDA and load what fits.
    """
    version, installed = _torch()
    told = {name: _misfit(built, installed) for name, built in sorted(mine.cuda.items())}
    if not told or not all(told.values()):
        return ""
    name = next(iter(told))
    has = f"is built for CUDA {installed}" if installed else "has no CUDA"
    return (
        f"its library {name} {told[name]}, and the installed torch {version} {has}: "
        "install the torch that its README names, or its build for this one."
    )


def _misfit(built: str | None, installed: str) -> str:
    if built is None or (installed and built in ("", installed.partition(".")[0])):
        return ""
    return f"was built for CUDA {built}".rstrip()


def _torch() -> tuple[str, str]:
    """Return torch's version and that of its CUDA, "" for none; read, not imported."""
    spec = importlib.util.find_spec("torch")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        text = _content(os.path.join(folder, "version.py")).decode(errors="replace")
        version, cuda = _VERSION_OF_TORCH.search(text), _CUDA_OF_TORCH.search(text)
        return version[1] if version else "", cuda[1] if cuda else ""
    return "", ""


def _files(package: str) -> Iterator[str]:
    try:
        spec = importlib.util.find_spec(package)  # of an outermost package: imports nothing
    except (ImportError, ValueError):
        return
    if spec is None:
        return
    for folder in spec.submodule_search_locations or ():
        for place, _, names in os.walk(folder):
            yield from (os.path.join(place, name) for name in sorted(names) if name.endswith((".py", *BINARIES)))
    if spec.origin and not spec.submodule_search_locations and spec.origin.endswith((".py", *BINARIES)):
        yield spec.origin


def _defined_in_python(path: str) -> tuple[set[str], set[str]]:
    """Return the namespaces and the ops that calls of torch.library in a source file define."""
    source = _content(path)
    if not any(word.encode() in source for word in (*_DEFINING, "Library")):
        return set(), set()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return set(), set()  # importing it will say so
    namespaces, ops = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            if called == "Library" and len(given) > 1 and given[1] == "DEF":
                namespaces.add(str(given[0]))
            elif called in _DEFINING and given and "::" in str(given[0]):
                ops.add(str(given[0]).partition("(")[0])
    return namespaces, ops


def _namespaces(content: bytes) -> Iterator[str]:
    """Yield the namespaces in a library's names, each of which has its length in front: "32TORCH_LIBRARY_...my_ops"."""
    for start in _positions(content, _INIT):
        length = re.search(rb"\d+$", content[max(0, start - 4) : start])
        if length is not None:
            yield content[start + len(_INIT) : start + int(length[0])].decode(errors="replace")


def _matches(content: bytes, word: bytes) -> Iterator[str]:
    """Yield the CUDA versions, "" for some, of the libraries whose names begin with a word."""
    for start in _positions(content, word):
        match = _CUDA.match(content[start : start + 40])
        if match is not None:
            yield (match[1] or b"")[:2].decode()  # Windows writes 110 for 11.0


def _positions(content: bytes, word: bytes) -> Iterator[int]:
    """Yield where a word stands; many times faster in a large file than an expression."""
    start = content.find(word)
    while start >= 0:
        yield start
        start = content.find(word, start + 1)


def _content(path: str) -> bytes:
    """Return a file's bytes, mapped where it is large; none where it cannot be read."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size < 2**20:
                return file.read()
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # type: ignore[return-value]  # regex takes it
    except OSError:
        return b""


def packages_of(targets: Collection[str]) -> set[str]:
    """Return the outermost packages of targets such as "my_ops.fused:norm"."""
    return {target.partition(":")[0].partition(".")[0] for target in targets}
