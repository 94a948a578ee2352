import pytest

from corekit.cli.static_source import defines, file_of, reason_against


@pytest.mark.parametrize(
    "source",
    [
        "class Norm: ...",
        "def Norm(): ...",
        "Norm = 1",
        "Norm: int = 1",
        "from a import Norm",
        "from a import b as Norm",
        "try:\n    import Norm\nexcept ImportError:\n    Norm = None",
        "from a import *",
        "def __getattr__(name): ...",
    ],
)
def test_a_name_that_a_module_binds_is_defined(source):
    assert defines(source, "Norm")


@pytest.mark.parametrize(
    "source", ["", "print(Norm)", "class A:\n    Norm = 1", "import Norm.a as b", "'from a import *'"]
)
def test_a_name_that_a_module_only_mentions_is_not(source):
    assert not defines(source, "Norm")


def test_a_stub_is_read_before_the_source(site):
    site.install("corekit-a", {}, typed_by_stub="")
    (site.root / "site" / "typed_by_stub.pyi").write_text("class Norm: ...")

    assert file_of("typed_by_stub").suffix == ".pyi"
    assert reason_against("typed_by_stub:Norm") == ""


def test_a_module_in_a_namespace_package_is_found(site):
    site.install("corekit-a", {})
    (site.root / "site" / "spacious" / "deep").mkdir(parents=True)
    (site.root / "site" / "spacious" / "deep" / "norms.py").write_text("class Norm: ...")

    assert reason_against("spacious.deep.norms:Norm") == ""


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("nowhere.at_all:Norm", "nowhere.at_all has no .py or .pyi in a folder of Python's path"),
        ("odd_norms:Gone", "odd_norms.py does not define Gone"),
        ("odd_norms:Norm.Inner", "Norm.Inner is no name of the module odd_norms itself"),
        ("odd_syntax:Norm", "odd_syntax.py cannot be read (SyntaxError: "),
        ("odd_bytes:Norm", "odd_bytes.py cannot be read (UnicodeDecodeError: "),
    ],
)
def test_what_cannot_be_imported_has_a_reason(site, target, reason):
    site.install("corekit-a", {}, odd_norms="class Norm:\n    class Inner: ...", odd_syntax="def (")
    (site.root / "site" / "odd_bytes.py").write_bytes(b"# \xff")

    assert reason_against(target).startswith(reason)
