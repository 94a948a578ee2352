"""What a process pays for: child processes tell which modules they imported. Times belong to benchmarks/start_up.py."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "numpy", "importlib_metadata", "pluggy", "rich", "click"}


def imported_by(code: str) -> set[str]:
    """Run code in a process of its own and return the modules that it imported."""
    script = f"import sys\nbefore = set(sys.modules)\n{code}\nprint(*sorted(set(sys.modules) - before), sep='\\n')"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.partition("MODULES\n")[2].split() or run.stdout.split())


def command(*words: str) -> str:
    return (
        "from corekit.cli import group\n"
        f"assert group({list(words)!r}, standalone_mode=False) in (None, 0)\n"
        "print('MODULES')"
    )


def plugins(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith("corekit_")}


def test_import_corekit_imports_nothing_heavy():
    modules = imported_by("import corekit")

    assert modules & HEAVY == set()
    assert plugins(modules) == set()


@pytest.mark.parametrize("namespace", ["layers", "optimizers", "losses", "metrics", "activations", "ops", "errors"])
def test_namespaces_import_nothing_heavy(namespace):
    modules = imported_by(f"import corekit\ncorekit.{namespace}")

    assert modules & HEAVY == set()
    assert plugins(modules) == set()


def test_looking_up_a_name_imports_no_plugin():
    modules = imported_by("from corekit.registry import registry\nfor c in registry.components(): repr(c)")

    assert modules & {"torch", "numpy", "pluggy"} == set()
    assert plugins(modules) == set()


@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["list", "--kind", "layers"], ["new", "--help"]])
def test_command_imports_neither_torch_nor_plugin(words):
    modules = imported_by(command(*words))

    assert "corekit.registry" in modules
    assert modules & {"torch", "numpy", "pluggy"} == set()
    assert plugins(modules) == set()


TRAINING = """
import numpy as np, corekit as ck
model = ck.Sequential([ck.layers.Dense(4, input_shape=(3,)), ck.layers.Dense(2, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(np.ones((8, 3)), np.zeros(8, dtype="int64"), verbose=0)
model.predict(np.ones((8, 3)), verbose=0)
"""


def test_short_training_imports_no_compiler():
    modules = imported_by(TRAINING)  # it takes seconds, and 145 MB

    assert "corekit.training.loop" in modules
    assert modules & {"torch._dynamo", "torch._inductor", "sympy"} == set()
