import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import corekit
from corekit.errors import IncompatiblePluginError
from corekit.registry import native, registry
from corekit.registry.native import Native

FUSED = """\
import torch
@torch.library.custom_op("fused::norm", mutates_args=())
def norm(x: torch.Tensor) -> torch.Tensor:
    return x.clone()
"""
WHOLE = 'import torch\nLIBRARY = torch.library.Library("fused", "DEF")\ndef norm(x): return x\n'


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write a package of files, name="content", which nobody may import."""

    def write(**files):
        folder = tmp_path / "ops_package"
        folder.mkdir(exist_ok=True)
        monkeypatch.syspath_prepend(str(tmp_path))
        folder.joinpath("__init__.py").write_text("raise AssertionError('it was imported')")
        for name, content in files.items():
            path = folder / name.replace("_py", ".py").replace("_so", ".so")
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return "ops_package"

    return write


@pytest.fixture
def torch_built_for(tmp_path, monkeypatch):
    """Stand a torch of that CUDA before the real one, for who only looks for its files."""

    def build(cuda):
        folder = tmp_path / "builds" / "torch"
        folder.mkdir(parents=True)
        version = "2.13.0+cpu" if cuda is None else f"2.13.0+cu{cuda.replace('.', '')}"
        folder.joinpath("version.py").write_text(f"__version__ = {version!r}\ncuda: Optional[str] = {cuda!r}\n")
        spec = type("Spec", (), {"submodule_search_locations": [str(folder)], "origin": None})
        monkeypatch.setattr(
            native.importlib.util, "find_spec", lambda name: spec if name == "torch" else find_spec(name)
        )

    return build


# What files tell


@pytest.mark.parametrize(
    ("source", "namespaces", "ops"),
    [
        (FUSED, set(), {"fused::norm"}),
        (WHOLE, {"fused"}, set()),
        ('from torch.library import define\ndefine("fused::f(Tensor x) -> Tensor")', set(), {"fused::f"}),
        ('import torch\ntorch.library.Library("aten", "IMPL")', set(), set()),
        ('"""torch.library.custom_op("fused::norm") in words."""', set(), set()),
        ("def (custom_op", set(), set()),
    ],
)
def test_python_source_tells_what_it_defines(package, source, namespaces, ops):
    found = native.look_into([package(ops_py=source)])

    assert (found.namespaces, found.ops) == (namespaces, ops)


@pytest.mark.parametrize(
    ("content", "cuda"),
    [
        (b"\0libcudart.so.12\0libtorch_cuda.so\0", "12"),
        (b"\0libc10_cuda.so\0libtorch.so\0", ""),
        (b"\0cudart64_12.dll\0", "12"),
        (b"\0cudart64_110.dll\0", "11"),
        (b"\0libtorch_cpu.so\0 says nothing of torch_cuda_version", None),
    ],
)
def test_a_library_tells_its_cuda(package, content, cuda):
    assert native.look_into([package(ops_so=content)]).cuda == {"ops.so": cuda}


def test_large_libraries_are_read_too(package):
    content = b"\0" * 2**21 + b"_ZL31TORCH_LIBRARY_static_init_fusedRN5torch7LibraryE" + b"\0libcudart.so.11\0"

    found = native.look_into([package(ops_so=content)])

    assert (found.namespaces, found.cuda) == ({"fused"}, {"ops.so": "11"})


def test_what_is_not_there_has_nothing():
    assert native.look_into(["no_such_package"]) == Native(frozenset(), frozenset(), {})


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_a_library_compiled_against_torch_tells_its_namespace(tmp_path, monkeypatch):
    source = "#include <torch/library.h>\nTORCH_LIBRARY(fused_ops, m) {}\nTORCH_LIBRARY_FRAGMENT(theirs, m) {}\n"
    tmp_path.joinpath("ops.cpp").write_text(source)
    include = Path(find_spec("torch").origin).parent / "include"
    command = ["g++", "-shared", "-fPIC", "-std=c++20", f"-I{include}", "ops.cpp", "-o", "compiled_ops.so"]
    subprocess.run(command, cwd=tmp_path, check=True)
    monkeypatch.syspath_prepend(str(tmp_path))

    assert native.look_into(["compiled_ops"]).namespaces == {"fused_ops"}


# What is said


@pytest.mark.parametrize(
    ("built", "installed", "said"),
    [
        ("12", None, "ops.so was built for CUDA 12, and the installed torch 2.13.0+cpu has no CUDA"),
        ("11", "12.6", "ops.so was built for CUDA 11, and the installed torch 2.13.0+cu126 is built for CUDA 12.6"),
        ("", None, "ops.so was built for CUDA, and the installed torch 2.13.0+cpu has no CUDA"),
    ],
)
def test_another_cuda_is_told(torch_built_for, built, installed, said):
    torch_built_for(installed)

    assert said in native.wrong_cuda(Native(frozenset(), frozenset(), {"ops.so": built}))


@pytest.mark.parametrize(
    ("libraries", "installed"),
    [({"ops.so": "12"}, "12.6"), ({"ops.so": ""}, "13.0"), ({"cpu.so": None, "cuda.so": "12"}, None), ({}, None)],
)
def test_a_library_that_fits_is_no_complaint(torch_built_for, libraries, installed):
    torch_built_for(installed)

    assert native.wrong_cuda(Native(frozenset(), frozenset(), libraries)) == ""


@pytest.mark.parametrize("sources", [(FUSED, FUSED), (WHOLE, WHOLE)], ids=["one op", "one namespace"])
def test_two_plugins_with_one_op_are_told_before_either_is_loaded(site, sources):
    for name, source in zip(("ops_a", "ops_b"), sources, strict=True):
        site.install(name, {"ops": {f"norm_{name}": f"{name}:norm"}}, **{name: source})

    with pytest.raises(IncompatiblePluginError, match=r'it defines the torch .*"fused.*and so does ops-b'):
        registry.get("ops", "norm_ops_a")

    assert {"ops_a", "ops_b"}.isdisjoint(sys.modules)


def test_one_of_two_works_where_the_other_is_off(site):
    for name in ("ops_a", "ops_b"):
        source = 'def norm(x): return x\nif False:\n    define("fused::norm")\n'
        site.install(name, {"ops": {f"norm_{name}": f"{name}:norm"}}, **{name: source})

    with pytest.raises(IncompatiblePluginError, match="COREKIT_DISABLE=ops-b"):
        registry.get("ops", "norm_ops_a")
    with corekit.plugins(disable=["ops-b"]):
        assert registry.get("ops", "norm_ops_a")(3) == 3


def test_a_fragment_of_anothers_namespace_is_no_clash(site):
    site.install("ops_a", {"ops": {"norm": "ops_a:norm"}}, ops_a="def norm(x): return x\n")
    site.install("ops_b", {"ops": {"scale": "ops_b:norm"}}, ops_b='def norm(x): return x\nif False: define("a::scale")')

    assert registry.get("ops", "norm")(3) == 3
    assert registry.get("ops", "scale")(3) == 3
