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


NEW = ["new", "layer", "op", "a-plugin-that-is-not-there", "--dry-run"]


@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["list", "--kind", "layers"], ["new", "--help"], NEW])
def test_command_imports_neither_torch_nor_plugin(words):
    modules = imported_by(command(*words))

    assert "corekit.registry" in modules
    assert modules & {"torch", "numpy", "pluggy"} == set()
    assert plugins(modules) == set()


def test_commands_that_write_import_neither_torch_nor_plugin(tmp_path):
    name = "corekit-layers-basic"
    commands = [["lock", "--output", "a.lock"], ["sync", "--lock", "a.lock"], ["disable", name], ["enable", name]]
    (tmp_path / "pyproject.toml").touch()

    modules = imported_by("\n".join([f"import os\nos.chdir({str(tmp_path)!r})", *(command(*c) for c in commands)]))

    assert {"corekit.cli.lock", "corekit.cli.sync", "corekit.cli.disable", "corekit.cli.enable"} <= modules
    assert modules & {"torch", "numpy", "pluggy"} == set()
    assert plugins(modules) == set()


DENSE = """
model = ck.Sequential([ck.layers.Dense(4, input_shape=(3,)), ck.layers.Dense(2, activation="softmax")])
x = np.ones((8, 3))
"""

OWN_LAYER = """
class Own(ck.Layer):
    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 4), initializer="glorot_uniform", name="kernel")

    def call(self, inputs):
        return ck.activations.relu(inputs @ self.kernel)

model = ck.Sequential([ck.Input(shape=(3,)), Own(), ck.layers.Dense(2, activation="softmax")])
x = np.ones((8, 3))
"""

ATTENTION = """
import torch

class Embed(ck.Layer):
    def __init__(self):
        super().__init__()
        self.tokens, self.places = ck.layers.Embedding(7, 4), ck.layers.Embedding(6, 4)

    def call(self, x):
        return self.tokens(x) + self.places(torch.arange(x.shape[-1], device=x.device))

class Block(ck.Layer):
    def __init__(self):
        super().__init__()
        self.attention, self.normal = ck.layers.MultiHeadAttention(2, 4), ck.layers.LayerNormalization()
        self.inner = ck.Sequential([ck.layers.Dense(8, activation="gelu"), ck.layers.Dropout(0.1), ck.layers.Dense(4)])

    def call(self, x):
        x = self.normal(x + self.attention(x, x, use_causal_mask=True))
        return x + self.inner(x)

inputs = ck.Input(shape=(6,), dtype="int64")
pooled = ck.layers.GlobalAveragePooling1D()(Block()(Embed()(inputs)))
model = ck.Model(inputs, ck.layers.Dense(2, activation="softmax")(pooled))
x = np.ones((8, 6), dtype="int64")
"""

TRAINING = """
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, np.zeros(8, dtype="int64"), verbose=0)
model.evaluate(x, np.zeros(8, dtype="int64"), verbose=0)
model.predict(x, verbose=0)
"""


@pytest.mark.parametrize("model", [DENSE, OWN_LAYER, ATTENTION], ids=["dense", "own layer", "attention"])
def test_short_training_imports_no_compiler(model):
    modules = imported_by("import numpy as np, corekit as ck\n" + model + TRAINING)  # it takes seconds, and 160 MB

    assert "corekit.training.loop" in modules
    assert modules & {"torch._dynamo", "torch._inductor", "sympy"} == set()


def test_short_training_starts_no_process():
    watched = "sys.addaudithook(lambda event, _: event in STARTS and print('STARTED', event))\n"
    starts = "STARTS = {'subprocess.Popen', 'os.fork', 'os.posix_spawn', 'os.system', 'os.exec'}\n"

    found = imported_by("import numpy as np, corekit as ck\n" + DENSE + starts + watched + TRAINING)

    assert "corekit.training.loop" in found
    assert "STARTED" not in found  # as platform.processor() did: 5 ms of a first step of 40


def test_guess_what_a_compiler_would_bring_imports_none():
    modules = imported_by(
        "import torch\nfrom corekit.training.engine.estimate import Joinable\n"
        "with Joinable() as joinable: torch.ones(2).relu()\nassert joinable.gain"
    )

    assert modules & {"torch._dynamo", "torch._inductor", "sympy"} == set()
