"""`corekit doctor` on a folder of hostile plugins: each is named with what ails it, and nobody else is harmed.

An animal's row says which fault it stands for: P01 takes a name, P02 cannot be imported, P03 crashes, hangs or exits,
P04 is slow, P05 asks for what is not here, P06 has side effects, P07 has doubled metadata, P08 was changed after it was
installed, P09 differs from process to process. `tests/registry/test_zoo.py` has more of those that need no process.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys

import pytest

HOOK = "from corekit import hookimpl\n@hookimpl\ndef register_components(register):\n    "
CHECK = "from corekit import hookimpl\n@hookimpl\ndef check_installation(complain):\n"
OPS = """import torch
@torch.library.custom_op("zoo::norm", mutates_args=())
def X(x: torch.Tensor) -> torch.Tensor:
    return x.clone()
"""
LAYER = "import torch\nclass X(torch.nn.Module): pass\n"
# name: (row, verdict, what is said, source of its module)
ZOO = {
    "takes-dense": ("P01", "warning", "has the name of a part of corekit-layers-basic", LAYER),
    "rival-a": ("P01", "warning", "has the same name as rival-b:Rival", LAYER),
    "rival-b": ("P01", "warning", "has the same name as rival-a:Rival", LAYER),
    "raises": ("P02", "broken", "ZeroDivisionError", "1/0"),
    "syntax": ("P02", "broken", "SyntaxError", "def ("),
    "exits": ("P03", "broken", "SystemExit: 3", "import sys; sys.exit(3)"),
    "exits-hard": ("P03", "broken", "ended the process (exit code 0) while layers ExitsHard", "import os; os._exit(0)"),
    "exits-hard-with-7": ("P03", "broken", "ended the process (exit code 7)", "import os; os._exit(7)"),
    "segfault": ("P03", "broken", "crashed the process (SIGSEGV)", "import ctypes; ctypes.string_at(0)"),
    "aborts": ("P03", "broken", "crashed the process (SIGABRT)", "import os; os.abort()"),
    "kills-itself": ("P03", "broken", "(SIGKILL)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"),
    "hangs": ("P03", "broken", "did not end within", "import time; time.sleep(1000)"),
    "spins": ("P03", "broken", "did not end within", "while True: pass"),
    "hook-hangs": ("P03", "broken", 'hook module "hook_hangs"', "import time; time.sleep(1000)"),
    "slow": ("P04", "warning", "importing it takes 1.", "import time; time.sleep(1.2)\n" + LAYER),
    "slow-hook": ("P04", "warning", "importing it takes 1.",
                  HOOK + "import time; time.sleep(1.2); register('layers', 'SlowHook', object)"),
    "next-corekit": ("P05", "incompatible", "needs corekit>=99", LAYER),
    "old-torch": ("P05", "incompatible", "needs torch<2", LAYER),
    "prints": ("P06", "warning", "prints 'hello from prints", "print('hello from prints')\n" + LAYER),
    "writes-to-descriptor": ("P06", "warning", "prints 'noise'", "import os; os.write(1, b'noise')\n" + LAYER),
    "patches-torch": ("P06", "warning", "replaces torch.nn.functional.relu",
                      LAYER + "torch.nn.functional.relu = lambda x: x"),
    "patches-corekit": ("P06", "warning", "replaces corekit.protocols.layer.Layer.__call__",
                        LAYER + "import corekit; corekit.Layer.__call__ = lambda self, x: x"),
    "sets-dtype": ("P06", "warning", "torch's default dtype", LAYER + "torch.set_default_dtype(torch.float64)"),
    "seeds": ("P06", "warning", "torch's random generator", LAYER + "torch.manual_seed(0)"),
    "seeds-numpy": ("P06", "warning", "numpy's random generator", LAYER + "import numpy; numpy.random.seed(0)"),
    "sets-environment": ("P06", "warning", "environment variables", LAYER + "import os; os.environ['X_ZOO'] = '1'"),
    "takes-signal": ("P06", "warning", "signal handlers",
                     LAYER + "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"),
    "starts-thread": ("P06", "warning", "the running threads",
                      LAYER + "import threading, time; threading.Thread(target=time.sleep, args=(99,)).start()"),
    "leaves-folder": ("P06", "warning", "the working directory", LAYER + "import os; os.chdir('/')"),
    "doubled": ("P07", "warning", "installed more than once", LAYER),
    "no-metadata": ("P07", "broken", "no METADATA", LAYER),
    "changed-since": ("P08", "warning", "is not as it was installed", LAYER),
    "file-lost": ("P08", "warning", "file_lost_data.txt is not as it was installed", LAYER),
    "by-rank": ("P09", "warning", "in another process",
                HOOK + "import os; register('layers', 'Rank' + os.environ.get('RANK', '0'), object)"),
    "by-hash": ("P09", "warning", "in another process", HOOK + "register('layers', f'Hash{hash(\"a\")}', object)"),
    "complains": ("", "warning", "complains needs a newer driver",
                  CHECK + "    complain('complains needs a newer driver: install 550')\n"),
    "check-raises": ("", "warning", "its hook check_installation in \"check_raises\" failed (ZeroDivisionError",
                     CHECK + "    1 / 0\n"),
    "fused-ops": ("P03", "incompatible", "the torch op \"zoo::norm\", and so does other-fused-ops", OPS),
    "other-fused-ops": ("P03", "incompatible", "the torch op \"zoo::norm\", and so does fused-ops", OPS),
    "healthy": ("", "ok", "", LAYER),
}  # fmt: skip
HEADS = {"next-corekit": "Requires-Dist: corekit>=99\n", "old-torch": "Requires-Dist: torch<2\n"}
NAMES = {"takes-dense": "Dense", "rival-a": "Rival", "rival-b": "Rival"}


def class_of(name):
    return name.title().replace("-", "")


def write(folder, name, source):
    """Install an animal: its module, and metadata with a RECORD, as pip writes them."""
    module = name.replace("-", "_")
    folder.joinpath(f"{module}.py").write_text(source)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    if name != "no-metadata":
        info.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{HEADS.get(name, '')}"
        )
    hooks = source.startswith((HOOK, CHECK)) or name == "hook-hangs"
    kind = "ops" if source == OPS else "layers"
    own = NAMES.get(name, class_of(name))
    entry = f"[corekit.hooks]\n{module} = {module}\n" if hooks else f"[corekit.{kind}]\n{own} = {module}:X\n"
    info.joinpath("entry_points.txt").write_text(entry)
    recorded = source + ("# was here" if name == "changed-since" else "")
    digest = base64.urlsafe_b64encode(hashlib.sha256(recorded.encode()).digest()).rstrip(b"=").decode()
    rows = f"{module}.py,sha256={digest},{len(recorded)}\n"
    if name == "file-lost":
        rows += f"file_lost_data.txt,sha256={digest},9\n"
    info.joinpath("RECORD").write_text(rows)
    if name == "doubled":
        other = info.with_name("doubled-0.9.dist-info")
        other.mkdir()
        other.joinpath("METADATA").write_text("Metadata-Version: 2.4\nName: doubled\nVersion: 0.9\n")
        other.joinpath("entry_points.txt").write_text(entry)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zoo")
    for name, (_, _, _, source) in ZOO.items():
        write(folder, name, source)
    return folder


@pytest.fixture(scope="module")
def surroundings(zoo, tmp_path_factory):
    return {**os.environ, "PYTHONPATH": str(zoo), "COREKIT_CACHE": str(tmp_path_factory.mktemp("doctors-cache"))}


def corekit(surroundings, *arguments):
    command = [sys.executable, "-m", "corekit", *arguments]
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=500)


@pytest.fixture(scope="module")
def seen(surroundings):
    done = corekit(surroundings, "doctor", "--json", "--timeout", "20")
    assert done.returncode == 1, done.stderr
    return {plugin["distribution"]: plugin for plugin in json.loads(done.stdout)["plugins"]}


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_each_is_named_with_what_ails_it(seen, name):
    _, verdict, said, _ = ZOO[name]

    assert said in " ".join(seen[name]["findings"])
    assert seen[name]["verdict"] == verdict


@pytest.mark.slow
def test_ours_are_well_among_them(seen):
    assert {seen[name]["verdict"] for name in seen if name.startswith("corekit-")} == {"ok"}


@pytest.mark.slow
def test_what_was_seen_is_listed(seen, surroundings):
    listed = {one["id"]: one for one in json.loads(corekit(surroundings, "list", "--json").stdout)["components"]}

    assert listed["segfault:Segfault"]["status"] == "broken"
    assert listed["old-torch:OldTorch"]["status"] == "incompatible"
    assert listed["takes-dense:Dense"]["status"] == "shadowed"
    assert (listed["healthy:Healthy"]["status"], listed["healthy:Healthy"]["import_ms"] > 0) == ("ok", True)
    assert listed["corekit-layers-basic:Dense"]["status"] == "ok"


@pytest.mark.slow
def test_with_all_of_them_installed_models_work(surroundings):
    code = "import corekit as ck; print(ck.Sequential([ck.Input((3,)), ck.layers.Dense(2)]).count_params(), "
    code += "ck.layers.Healthy.__name__, ck.layers.Dense.__module__)"
    done = subprocess.run([sys.executable, "-c", code], env=surroundings, capture_output=True, text=True)

    assert done.stdout == "8 X corekit_layers_basic.dense\n", done.stderr


@pytest.mark.slow
def test_who_ended_a_process_is_told_by_the_next(surroundings):
    subprocess.run([sys.executable, "-c", "import corekit as ck; ck.layers.Segfault"], env=surroundings)

    told = corekit(surroundings, "doctor", "healthy")
    fixed = corekit(surroundings, "doctor", "healthy", "--fix")
    after = corekit(surroundings, "doctor", "healthy")

    assert "segfault 1.0: it was being imported when a process ended" in told.stdout
    assert "removed the notes" in fixed.stdout
    assert (after.returncode, "segfault" in after.stdout) == (0, False)


@pytest.mark.slow
def test_doubled_metadata_is_removed_only_by_fix(surroundings, zoo):
    stale = zoo / "doubled-0.9.dist-info"

    told = corekit(surroundings, "doctor", "doubled", "--fix", "--dry-run")
    assert (f"would remove {stale}" in told.stdout, stale.exists()) == (True, True)
    done = corekit(surroundings, "doctor", "doubled", "--fix")
    assert (f"removed {stale}" in done.stdout, stale.exists()) == (True, False)
    assert corekit(surroundings, "doctor", "doubled").returncode == 0


def test_unknown_plugin_is_an_error(surroundings):
    done = corekit(surroundings, "doctor", "nowhere-at-all")

    assert done.returncode == 1
    assert 'no plugin called "nowhere-at-all" is installed' in done.stderr
