"""Every hostile file is refused with the right code, before anything is built, and runs nothing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import corekit as ck
from corekit.errors import LoadError
from corekit.saving import format as files
from tests.integration import attacks, attacks_on_shards
from tests.integration.attacks import ATTACKS
from tests.integration.attacks_on_shards import FOLDER_ATTACKS

ROWS = {f"A{number:02}" for number in range(1, 27)}
ELSEWHERE = {"A14": "test_only_regular_files_are_read", "A23": "test_file_that_changes_meanwhile_is_refused"}

WATCHED = """
import json, os, resource, sys, time
folder = sys.argv[1]
import corekit as ck
from corekit.errors import LoadError
names = json.load(open(f"{folder}/names.json"))
ck.load_model(f"{folder}/good.safetensors")  # imports what its ids need
for name in ("A01", "A09", "A10"):           # and what messages need
    try:
        ck.load_model(f"{folder}/{next(one for one in names if name in one)}")
    except LoadError:
        pass

events = []
watching = ""
ours = ("import", "exec", "compile", "marshal.", "pickle.", "socket.", "subprocess.", "os.", "ctypes.", "open",
        "shutil.", "tempfile.", "urllib.", "ftplib.", "http.", "webbrowser.", "pty.")
harmless = ("os.listdir", "os.scandir")

def hook(event, args):
    if watching and event.startswith(ours) and event not in harmless:
        if event == "open" and str(args[0]).startswith(allowed):
            return
        if event == "open" and os.path.realpath(args[0]).startswith(stem):
            return
        events.append([watching, event, repr(args)[:200]])

# The file itself, and shards called after it; where a name is missing, also the metadata of what is installed, and the
# index of that.
allowed = (os.environ["COREKIT_CACHE"], *sys.path[1:])
sys.addaudithook(hook)
report = {}
for name in names:
    path = f"{folder}/{name}"
    stem = os.path.realpath(folder) + "/" + name.removesuffix(".safetensors")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    watching = name
    try:
        ck.load_model(path)
        code = "accepted"
    except LoadError as error:
        code = error.code
    except BaseException as error:
        code = f"{type(error).__name__}: {error}"
    watching = ""
    report[name] = [code, time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before]
json.dump([report, events], sys.stdout)
"""


ACCEPTED = """
import json, os, sys
import torch
import corekit as ck

folder = sys.argv[1]

@ck.register
class Plain(ck.Layer):
    def __init__(self, size: int = 1, **kwargs):
        super().__init__(**kwargs)
    def call(self, inputs):
        return inputs + 0.0

# what corekit itself imports late, and at the first plugin
inputs = ck.Input((4,))
plain = ck.Model(inputs, Plain()(inputs))
plain.compile(None, lambda y_true, y_pred: y_pred.mean())
plain.save(f"{folder}/plain.safetensors")
ck.load_model(f"{folder}/plain.safetensors")
ck.callbacks.EarlyStopping
loaded_before = sorted({name.partition(".")[0] for name in sys.modules})
events = []

def importing():
    # the module whose import, asked for by corekit, led here; "annotations" where one is read
    found, frame = "", sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_name == "_find_and_load":
            found = frame.f_locals["name"]
        if frame.f_code.co_name == "_hint" and frame.f_code.co_filename.endswith("schema.py"):
            return "annotations"
        frame = frame.f_back
    return found.partition(".")[0]

ours = ("import", "exec", "compile", "marshal.", "pickle.", "socket.", "subprocess.", "os.", "ctypes.", "open",
        "shutil.", "tempfile.", "urllib.", "ftplib.", "http.", "webbrowser.", "pty.")

def hook(event, args):
    if watching and event.startswith(ours) and event not in ("os.listdir", "os.scandir"):
        where = importing()
        if where == "" and event == "open" and str(args[0]).startswith(allowed):
            return
        events.append([where or str(args[0]).partition(".")[0], event, repr(args)])

allowed = (f"{folder}/good.safetensors", os.environ["COREKIT_CACHE"], *sys.path[1:])
watching = False
sys.addaudithook(hook)
watching = True
model = ck.load_model(f"{folder}/good.safetensors")
watching = False
json.dump([loaded_before, model.step_engine, events], sys.stdout)
"""


def file_name(number: int) -> str:
    return f"{number:03}-" + re.sub(r"\W+", "-", ATTACKS[number].name) + ".safetensors"


def in_folder(attack: attacks_on_shards.FolderAttack) -> str:
    return re.sub(r"\W+", "-", attack.name) + "/m.safetensors"


EVERY = [*ATTACKS, *FOLDER_ATTACKS]
NAMES = [*map(file_name, range(len(ATTACKS))), *map(in_folder, FOLDER_ATTACKS)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write all of them, and the good file, into a folder."""
    folder = tmp_path_factory.mktemp("attacks")
    attacks.write_good(folder / "good.safetensors")
    good = (folder / "good.safetensors").read_bytes()
    for number, attack in enumerate(ATTACKS):
        (folder / file_name(number)).write_bytes(attack.make(good))
    for attack in FOLDER_ATTACKS:
        path = folder / in_folder(attack)
        path.parent.mkdir()
        attacks_on_shards.write_good(path)
        attack.make(path)
    (folder / "names.json").write_text(json.dumps(NAMES))
    return folder


@pytest.fixture(scope="module")
def watched(corpus: Path) -> tuple[dict[str, list], list]:
    """Load each in a process that notes what Python is asked to do meanwhile."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", WATCHED, str(corpus)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report, events = json.loads(done.stdout)
    return report, events


def test_accepted_file_runs_only_the_import_of_what_its_ids_name(tmp_path: Path) -> None:
    inputs = ck.Input((8, 8, 1), name="stranger_in")
    x = ck.layers.Conv2D(3, 3, activation="relu", name="stranger_conv")(inputs)
    x = ck.layers.Dense(4, "softmax", kernel_regularizer=ck.regularizers.L2(0.1))(ck.layers.Flatten()(x))
    model = ck.Model(inputs, x, name="stranger_model")
    model.compile(ck.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.train_on_batch(torch.ones(2, 8, 8, 1), torch.tensor([0, 1]))
    model.save(tmp_path / "good.safetensors", include_optimizer=True)
    owners = {name.replace("-", "_") for name in files.read_header(tmp_path / "good.safetensors").metadata["requires"]}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    done = subprocess.run(
        [sys.executable, "-c", ACCEPTED, str(tmp_path)], env=environment, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    before, engine, events = json.loads(done.stdout)
    assert engine == "eager: no step was made yet"  # compiled
    assert owners == {f"corekit_{name}" for name in ("layers_basic", "layers_conv", "objectives", "optim_basic")}
    assert not owners & set(before)
    assert {where for where, _, _ in events} == owners | {"annotations"}, events[:20]
    assert {event for where, event, _ in events if where == "annotations"} <= {"compile", "exec"}
    assert not any("stranger" in words for _, _, words in events)


def test_there_are_enough_of_them() -> None:
    assert len(EVERY) >= 80
    assert len({attack.name for attack in EVERY}) == len(EVERY) == len(set(NAMES))


def test_every_row_of_threats_has_one() -> None:
    assert {attack.name[:3] for attack in EVERY} | set(ELSEWHERE) == ROWS
    assert all(test in globals() for test in ELSEWHERE.values())


def test_the_good_file_is_accepted(corpus: Path) -> None:
    assert ck.load_model(corpus / "good.safetensors").built


def test_the_good_shards_are_accepted(tmp_path: Path) -> None:
    attacks_on_shards.write_good(tmp_path / "m.safetensors")

    assert ck.load_model(tmp_path / "m.safetensors").built
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("number", range(len(EVERY)), ids=[attack.name for attack in EVERY])
def test_hostile_file_is_refused(watched: tuple[dict[str, list], list], number: int) -> None:
    code, seconds, kilobytes = watched[0][NAMES[number]]

    assert code == EVERY[number].code
    assert seconds < 2
    assert kilobytes < 256 * 1024


def test_nothing_is_run_or_opened_for_any(watched: tuple[dict[str, list], list]) -> None:
    assert watched[1] == []


def test_no_message_moves_the_cursor(corpus: Path) -> None:
    for name in NAMES:
        with pytest.raises(LoadError) as caught:
            ck.load_model(corpus / name)
        assert str(caught.value).replace("\n", "").isprintable(), name


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices as files are POSIX's")
@pytest.mark.parametrize("sort", ["folder", "pipe", "device", "dangling link", "looping link"])
def test_only_regular_files_are_read(tmp_path: Path, sort: str) -> None:
    path = tmp_path / "m.safetensors"
    if sort == "folder":
        path.mkdir()
    elif sort == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to({"device": "/dev/zero", "dangling link": tmp_path / "none", "looping link": path}[sort])

    with pytest.raises(LoadError) as caught:
        ck.load_model(path)

    assert caught.value.code in ("not-found", "not-corekit")


def test_file_that_changes_meanwhile_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.safetensors"
    ck.Sequential([ck.Input((100,)), ck.layers.Dense(100)]).save(path)
    content = path.read_bytes()
    checked = files._check_extents

    def cut(*arguments: object) -> object:
        found = checked(*arguments)
        os.truncate(path, len(content) - 100)
        return found

    monkeypatch.setattr(files, "_check_extents", cut)
    with pytest.raises(LoadError, match=r"became shorter|is damaged"):
        ck.load_model(path)
