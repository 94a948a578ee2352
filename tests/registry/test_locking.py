import pytest

from corekit import __version__
from corekit.errors import ArgumentError
from corekit.registry import locking
from corekit.registry.locking import Entry, Installed, compare, installed, pip_commands, read, written

HASH, OTHER = "a" * 64, "b" * 64
NORMS = Entry("corekit-norms", "1.2", HASH, components={"layers": ["corekit-norms:Norm"]})
WORKED_ON = Entry("corekit-mine", "0.1", OTHER, editable=True)


def installed_by_name():
    return {one.entry.name: one for one in installed()}


def test_installed_are_the_plugins_and_corekit(site):
    site.install("Corekit.Norms", {"layers": {"Norm": "norms:Norm", "old": "norms:Norm"}, "hooks": {"h": "hooks"}})
    site.install("corekit-hooks", {"hooks": {"main": "hook_module"}})

    found = installed()

    assert [one.entry.name for one in found] == ["corekit", "corekit-hooks", "corekit-norms"]
    assert found[0].entry == Entry("corekit", __version__)
    assert found[2].entry.components == {"layers": ["corekit-norms:Norm"]}
    assert [one.fault for one in found] == ["", "", ""]


def test_corekit_itself_is_found_by_its_command():
    corekit = installed_by_name()["corekit"].entry

    assert corekit.version == __version__
    assert corekit.sha256  # only metadata leads to the files
    assert corekit.components == {}


def test_a_changed_file_is_a_fault(site, tmp_path):
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}}, norms="x = 1")
    site.record("corekit-norms", "norms.py")
    assert installed_by_name()["corekit-norms"].fault == ""

    (tmp_path / "site" / "norms.py").write_text("x = 2")

    assert installed_by_name()["corekit-norms"].fault == "norms.py is not as installed"


def test_metadata_that_cannot_be_read_is_a_fault(site, tmp_path):
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}})
    (tmp_path / "site" / "corekit_norms-1.0.dist-info" / "METADATA").unlink()

    one = installed_by_name()["corekit-norms"]

    assert one.entry.version == "1.0"
    assert "cannot be read (ValueError: no METADATA)" in one.fault


def test_a_version_that_pip_cannot_be_asked_for_is_a_fault(site):
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}}, version="1.0 --pre")

    assert "pip cannot be asked" in installed_by_name()["corekit-norms"].fault


def test_what_is_written_is_read_again(tmp_path):
    odd = Entry("corekit-odd", "1!2.0+cpu", components={"ops": ['corekit-odd:"ä"'], "layers": ["corekit-odd:A"]})
    path = tmp_path / "corekit.lock"
    path.write_text(written([odd, NORMS, WORKED_ON]))

    assert read(str(path)) == [WORKED_ON, NORMS, odd]
    assert written(read(str(path))) == written([NORMS, odd, WORKED_ON]) == path.read_text()


HEAD = f'version = {locking.FORMAT}\n[[distribution]]\nname = "corekit-norms"\nversion = "1.2"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<<<<<<< ours\n", r"is damaged: Invalid statement"),
        ("\xff", r"is damaged: 'utf-8' codec"),
        ("x = " + "[" * 9999, r"is damaged: "),
        ("", r'expected "version" and tables'),
        ("version = 1\n", r'expected "version" and tables'),
        ("version = 1\ndistribution = [1]\n", r"number 1 needs"),
        ("version = 2\n", r"is of version 2, and this corekit .* reads 1"),
        (HEAD, r'number 1 needs "name", "version" and "sha256"'),
        (HEAD + 'sha256 = "abc"\n', r"number 1 needs"),
        (HEAD.replace("corekit-norms", "--pre") + 'sha256 = ""\n', r"number 1 needs"),
        (HEAD.replace("1.2", "1.2 ; x") + 'sha256 = ""\n', r"number 1 needs"),
        (HEAD + 'sha256 = ""\neditable = 1\n', r'"editable" or "components" of corekit-norms'),
        (HEAD + 'sha256 = ""\ncomponents = {layers = "x"}\n', r'"editable" or "components" of corekit-norms'),
        (written([NORMS, NORMS]), r"it lists corekit-norms twice"),
    ],
)
def test_a_damaged_lock_is_named_with_what_to_do(tmp_path, text, words):
    path = tmp_path / "corekit.lock"
    path.write_text(text, encoding="latin-1")

    with pytest.raises(ArgumentError, match=words) as caught:
        read(str(path))

    assert str(caught.value).startswith(f"the lock file {path}")
    assert "corekit lock" in str(caught.value)


def test_a_missing_lock_is_named_with_what_to_do(tmp_path):
    with pytest.raises(
        ArgumentError, match=r"there is no lock file .*\n  Write one of what is installed:  corekit lock"
    ):
        read(str(tmp_path / "corekit.lock"))


def changed(entry, **fields):
    return Installed(Entry(**{**vars(entry), **fields}))


INSTALL, REINSTALL = "pip install corekit-norms==1.2", "pip install --force-reinstall --no-deps corekit-norms==1.2"


@pytest.mark.parametrize(
    ("entry", "here", "what", "words", "repair"),
    [
        (NORMS, None, "missing", "1.2 is not installed", INSTALL),
        (NORMS, changed(NORMS, version="2"), "version", "2 is installed, and the lock has 1.2", INSTALL),
        (NORMS, Installed(NORMS, "a.py is not as installed"), "files", "a.py is not as installed", REINSTALL),
        (NORMS, changed(NORMS, sha256=OTHER), "files", "another build", REINSTALL),
        (NORMS, changed(NORMS, sha256=""), "files", "no RECORD", REINSTALL),
        (NORMS, changed(NORMS, editable=True, sha256=OTHER), "editable", "is an editable install", REINSTALL),
        (NORMS, changed(NORMS, components={}), "components", "other components", "corekit lock"),
        (WORKED_ON, None, "missing", "0.1 is not", "pip install --editable FOLDER_OF_corekit-mine"),
        (
            WORKED_ON,
            changed(WORKED_ON, editable=False),
            "editable",
            "is a release",
            "pip install --editable FOLDER_OF_",
        ),
        (WORKED_ON, changed(WORKED_ON, sha256=HASH), "files", "another source", "corekit lock"),
    ],
)
def test_each_drift_is_a_sentence_and_a_line_that_repairs(entry, here, what, words, repair):
    (drift,) = compare([entry], [here] if here else [])

    assert (drift.distribution, drift.what) == (entry.name, what)
    assert drift.message.startswith(f"{entry.name} ")
    assert words in drift.message
    assert drift.repair.startswith(repair)


def test_what_the_lock_does_not_have_is_drift():
    (drift,) = compare([], [Installed(NORMS)])

    assert (drift.what, drift.repair) == ("extra", "pip uninstall corekit-norms")
    assert pip_commands([], [drift]) == []


def test_what_is_equal_is_no_drift():
    unknown = changed(NORMS, sha256="").entry
    reordered = Entry("corekit-x", "1", components={"layers": ["corekit-x:B", "corekit-x:A"]})
    ordered = Entry("corekit-x", "1", components={"layers": ["corekit-x:A", "corekit-x:B"]})

    assert compare([NORMS, WORKED_ON], [Installed(WORKED_ON), Installed(NORMS)]) == []
    assert compare([unknown], [Installed(NORMS)]) == []
    assert compare([ordered], [Installed(reordered)]) == []


def test_pip_gets_every_pin_but_no_editable_one():
    einops = Entry("corekit-einops", "1.0", HASH)
    locked = [einops, NORMS, WORKED_ON]
    here = [changed(einops, sha256=OTHER)]

    assert pip_commands(locked, compare(locked, here)) == [
        ["install", "corekit-einops==1.0", "corekit-norms==1.2"],
        ["install", "--force-reinstall", "--no-deps", "corekit-einops==1.0"],
    ]


def test_pip_is_not_run_for_what_it_cannot_repair():
    assert pip_commands([WORKED_ON, NORMS], compare([WORKED_ON, NORMS], [changed(NORMS, components={})])) == []
