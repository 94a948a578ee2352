import hashlib
import json

import pytest

from corekit.registry.contents import contents

SOURCE = "class Norm: ...\n"


@pytest.fixture
def info(site, tmp_path):
    """The folder of metadata of an installed distribution with one module."""
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}}, norms=SOURCE)
    site.record("corekit-norms", "norms.py")
    return tmp_path / "site" / "corekit_norms-1.0.dist-info"


def of(folder, *modules):
    return contents(str(folder), modules or ("norms",))


def test_hash_is_of_paths_and_contents(info):
    paths = ["corekit_norms-1.0.dist-info/METADATA", "corekit_norms-1.0.dist-info/entry_points.txt", "norms.py"]
    digests = [hashlib.sha256((info.parent / path).read_bytes()).hexdigest() for path in paths]
    lines = "".join(f"{path}\0{digest}\n" for path, digest in zip(paths, digests, strict=True))

    assert of(info).sha256 == hashlib.sha256(lines.encode()).hexdigest()
    assert not of(info).editable
    assert of(info).changed == ()


def test_one_changed_byte_is_found(info):
    before = of(info).sha256
    (info.parent / "norms.py").write_text(SOURCE.replace("N", "M"))

    assert of(info).changed == ("norms.py",)
    assert of(info).sha256 != before


def test_a_missing_file_is_found(info):
    (info.parent / "norms.py").unlink()

    assert of(info).changed == ("norms.py",)


def test_what_the_installer_adds_does_not_count(info):
    before = of(info)
    rows = ["corekit_norms-1.0.dist-info/INSTALLER,sha256=x,1", "__pycache__/norms.cpython-311.pyc,,"]
    rows += ["../../bin/norms,sha256=x,1", "corekit_norms-1.0.dist-info/REQUESTED,sha256=x,0"]
    with (info / "RECORD").open("a") as file:
        file.write("\n".join(rows))

    assert of(info) == before


def test_a_name_with_a_comma_is_read(info):
    (info.parent / "a, b.txt").write_text("x")
    with (info / "RECORD").open("a") as file:
        file.write('"a, b.txt",,\n')

    assert of(info).changed == ()
    (info.parent / "a, b.txt").unlink()
    assert of(info).changed == ("a, b.txt",)


@pytest.mark.parametrize("record", [None, b"", b"\xff\xfe"])
def test_without_a_record_nobody_knows(info, record):
    if record is None:
        (info / "RECORD").unlink()
    else:
        (info / "RECORD").write_bytes(record)

    assert of(info).sha256 == ""
    assert of(info).changed == ()


@pytest.fixture
def editable(info, tmp_path):
    """The same as an editable install of a package in a folder of its own."""
    (info / "direct_url.json").write_text(json.dumps({"url": "file:///x", "dir_info": {"editable": True}}))
    package = tmp_path / "source" / "norms"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(SOURCE)
    (package / "notes.txt").write_text("")
    (info.parent / "_norms.pth").write_text(f"{package.parent}\n")
    with (info / "RECORD").open("a") as file:
        file.write("_norms.pth,sha256=x,1\n")
    return package


def test_of_an_editable_install_the_source_counts(info, editable):
    before = of(info)
    (editable / "notes.txt").write_text("changed")
    assert of(info) == before

    (editable / "__init__.py").write_text("changed")

    assert before.editable
    assert before.sha256 != of(info).sha256 != ""
    assert of(info).changed == ()


def test_an_editable_source_may_be_one_module(info, editable):
    (editable.parent / "alone.py").write_text(SOURCE)

    digest = hashlib.sha256(SOURCE.encode()).hexdigest()
    assert of(info, "alone").sha256 == hashlib.sha256(f"alone.py\0{digest}\n".encode()).hexdigest()


@pytest.mark.parametrize("link", ["import finder\n", "/nowhere\n", None])
def test_a_source_that_no_path_leads_to_is_unknown(info, editable, link):
    if link is None:
        (info.parent / "_norms.pth").unlink()
    else:
        (info.parent / "_norms.pth").write_text(link)

    assert of(info).editable
    assert of(info).sha256 == ""
