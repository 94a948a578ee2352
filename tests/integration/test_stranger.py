"""Strangers' wheels, pip-installed into an environment of their own beside the wheels of corekit.

The environment borrows torch and all other third-party packages from the running one by links, but neither corekit nor
any plugin: what is tested is what pip installs, not the source tree. No index is asked for anything.
"""

import json
import os
import re
import subprocess
import sys
import sysconfig
import textwrap
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow

STRANGER = '''
    """A stranger's plugin."""
    import corekit as ck
    import torch

    class Gate(ck.Layer):
        """Multiply each feature by a learned factor: y = x * gate."""

        def __init__(self, start: float = 0.5, **kwargs):
            super().__init__(**kwargs)
            self.start = start

        def build(self, input_shape):
            self.gate = self.add_weight(name="gate", shape=(input_shape[-1],), initializer=torch.nn.init.zeros_)

        def call(self, inputs):
            return inputs * (self.start + self.gate)

    class SignDescent(ck.Optimizer):
        """Step by the sign of the gradient."""

        elementwise = True

        def __init__(self, learning_rate=0.01, **kwargs):
            super().__init__(learning_rate, **kwargs)

        def update(self, param, grad, state, learning_rate):
            param.sub_(learning_rate * grad.sign())

    def soft_clip(x, limit=1.0):
        """Return limit * tanh(x / limit)."""
        return limit * torch.tanh(x / limit)
'''
STRANGERS = {
    "corekit-stranger": ({"layers": "Gate", "optimizers": "SignDescent", "ops": "soft_clip"}, STRANGER),
    "corekit-raises": ({"layers": "Raising"}, "raise RuntimeError('no license found')"),
    "corekit-exits": ({"layers": "Exiting"}, "import sys\nsys.exit(3)"),
}


def clean_environment() -> dict[str, str]:
    """Return the process's variables without those that would lend the source tree to a child."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


def run(*command: object, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, env=clean_environment())
    if check and done.returncode:
        raise AssertionError(f"{' '.join(words)} exited with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


def pip(*words: object, cwd: Path) -> None:
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", *words, cwd=cwd)


def borrow(folder: Path) -> None:
    """Link every installed third-party package into `folder`: not corekit, and no distribution that plugs into it."""
    folder.mkdir()
    for place in map(Path, sys.path):
        if not any(place.glob("*.dist-info")):
            continue  # the standard library, or a source tree
        for entry in place.iterdir():
            plugs_in = entry / "entry_points.txt"
            name = entry.name.lower()
            if name.startswith(("corekit", "_editable_impl", "__editable__", "__pycache__")) or name.endswith(".pth"):
                continue
            if plugs_in.is_file() and "[corekit." in plugs_in.read_text(encoding="utf-8"):
                continue
            if not (folder / entry.name).exists():
                (folder / entry.name).symlink_to(entry)


class Environment:
    """A virtual environment with borrowed third-party packages and the given wheels."""

    def __init__(self, root: Path, wheels: list[Path]) -> None:
        self.root = root
        self.work = root / "work"
        venv.create(root / "venv", with_pip=False, symlinks=True)
        at = {"base": str(root / "venv"), "platbase": str(root / "venv")}
        self.bin = Path(sysconfig.get_path("scripts", "venv", vars=at))
        self.work.mkdir()
        borrow(root / "borrowed")
        Path(sysconfig.get_path("purelib", "venv", vars=at), "borrowed.pth").write_text(str(root / "borrowed"))
        self.install("install", "--no-deps", "--no-index", *wheels)

    def install(self, *words: object, cwd: Path | None = None) -> None:
        pip("--python", self.bin / "python", *words, cwd=cwd or self.work)

    def corekit(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return run(self.bin / "corekit", *words, cwd=self.work, check=check)

    def facts(self, script: str) -> Any:
        """Run a script that fills the dict `facts`, and return it."""
        code = f"import json\nfacts = {{}}\n{textwrap.dedent(script)}\nprint('FACTS', json.dumps(facts))"
        output = run(self.bin / "python", "-c", code, cwd=self.work).stdout
        return json.loads(output.rpartition("FACTS ")[2])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return what finds a distribution's wheel: ours, built from the tree, or a stranger's."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheels; it is a development dependency")
    folder = tmp_path_factory.mktemp("wheels")
    sources = [ROOT, ROOT / "plugins" / "layers_basic", ROOT / "plugins" / "objectives"]
    for name, (components, source) in STRANGERS.items():
        sources.append(write_project(folder / "sources" / name, name, components, source))
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder, *sources, cwd=folder)
    return lambda name: next(folder.glob(f"{name.replace('-', '_')}-*.whl"))


def write_project(folder: Path, name: str, components: dict[str, str], source: str) -> Path:
    module = name.replace("-", "_")
    folder.mkdir(parents=True)
    folder.joinpath(f"{module}.py").write_text(textwrap.dedent(source))
    groups = [
        f'[project.entry-points."corekit.{kind}"]\n{part} = "{module}:{part}"\n' for kind, part in components.items()
    ]
    folder.joinpath("pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "{name}"\nversion = "2.5"\n' + "".join(groups)
    )
    return folder


@pytest.fixture(scope="module")
def core_only(wheel: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(tmp_path_factory.mktemp("core"), [wheel("corekit")])


@pytest.fixture(scope="module")
def with_strangers(wheel: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    names = ["corekit", "corekit-layers-basic", "corekit-objectives", *STRANGERS]
    return Environment(tmp_path_factory.mktemp("strangers"), [wheel(name) for name in names])


# The core alone


def test_core_alone_imports_and_lists_nothing(core_only):
    facts = core_only.facts(
        """
        import corekit as ck
        from corekit.registry import KINDS, registry
        facts["source"] = ck.__file__
        facts["listed"] = [*registry.components(), *(name for kind in KINDS for name in registry.names(kind))]
        facts["layers"] = dir(ck.layers)
        """
    )

    assert str(core_only.root) in facts["source"]
    assert facts["listed"] == []
    assert facts["layers"] == ["Input", "Layer", "get"]


def test_core_alone_says_what_to_install(core_only):
    facts = core_only.facts(
        """
        import corekit as ck
        for name, use in {"string": lambda: ck.Sequential(["Dense"]), "attribute": lambda: ck.layers.Dense}.items():
            try:
                use()
            except ck.CorekitError as error:
                facts[name] = str(error)
        """
    )

    assert "pip install corekit-layers-basic" in facts["string"]
    assert "pip install corekit-layers-basic" in facts["attribute"]


def test_core_alone_lists_what_to_install(core_only):
    listed = core_only.corekit("list")

    assert "No layers are installed.  pip install corekit-layers-basic" in listed.stdout


# A stranger among ours


def test_stranger_is_listed_by_distribution(with_strangers):
    data = json.loads(with_strangers.corekit("list", "--json").stdout)

    mine = {c["id"]: (c["kind"], c["version"]) for c in data["components"] if c["distribution"] == "corekit-stranger"}
    assert mine == {
        "corekit-stranger:Gate": ("layers", "2.5"),
        "corekit-stranger:SignDescent": ("optimizers", "2.5"),
        "corekit-stranger:soft_clip": ("ops", "2.5"),
    }
    assert data["problems"] == []


def test_both_builders_find_the_layer(with_strangers):
    facts = with_strangers.facts(
        """
        import corekit as ck, torch
        x = torch.ones(2, 3)
        inputs = ck.Input(shape=(3,))
        for way, make in {
            "name": lambda: ck.layer("Gate"),
            "folded": lambda: ck.layer("gate"),
            "id": lambda: ck.layer("corekit-stranger:Gate"),
            "config": lambda: ck.layer({"id": "corekit-stranger:Gate", "config": {"start": 0.5}}),
            "get": lambda: ck.get("layers", "corekit-stranger:Gate")(),
            "attribute": lambda: ck.layers.Gate(),
        }.items():
            functional = ck.Model(inputs, make()(inputs))
            facts[way] = [ck.Sequential([make()])(x).tolist(), functional(x).tolist()]
        for spec in ("Gate", "corekit-stranger:Gate"):
            facts[spec] = [ck.Sequential([spec])(x).tolist()] * 2
        """
    )

    assert len(facts) == 8
    for found in facts.values():
        assert found == [[[0.5] * 3] * 2] * 2


def test_stranger_trains_saves_and_loads(with_strangers):
    """Its layer beside ours, its optimizer by name: no optimizer of corekit's own is installed."""
    facts = with_strangers.facts(
        """
        import corekit as ck, numpy as np
        ck.utils.set_random_seed(0)
        x = np.random.rand(256, 4).astype("float32")
        y = x @ np.array([[1.0], [-2.0], [3.0], [0.5]], dtype="float32")
        model = ck.Sequential([ck.Input(shape=(4,)), "Gate", ck.layers.Dense(8, activation="relu"),
                               ck.layers.Gate(start=1.0), ck.layers.Dense(1)])
        model.compile(optimizer="SignDescent", loss="mse", metrics=["mae"])
        history = model.fit(x, y, epochs=100, verbose=0)
        model.save("stranger.safetensors")
        loaded = ck.load_model("stranger.safetensors")
        facts["loss"] = history.history["loss"]
        facts["equal"] = bool((loaded.predict(x, verbose=0) == model.predict(x, verbose=0)).all())
        facts["layers"] = [type(layer).__name__ for layer in loaded.layers]
        facts["optimizer"] = type(model.optimizer).__module__
        """
    )

    assert facts["loss"][-1] < facts["loss"][0] / 4
    assert facts["equal"]
    assert facts["layers"] == ["Gate", "Dense", "Gate", "Dense"]
    assert facts["optimizer"] == "corekit_stranger"


def test_op_runs_on_values_and_in_a_drawn_model(with_strangers):
    facts = with_strangers.facts(
        """
        import corekit as ck, torch
        x = torch.tensor([[0.0, 5.0]])
        inputs = ck.Input(shape=(2,))
        model = ck.Model(inputs, ck.ops.soft_clip(inputs * 1.0, limit=2.0))
        model.save("op.safetensors")
        facts["call"] = ck.ops.soft_clip(x, limit=2.0).tolist()
        facts["drawn"] = model(x).tolist()
        facts["loaded"] = ck.load_model("op.safetensors")(x).tolist()
        facts["shape"] = list(model.outputs[0].shape)
        """
    )

    assert facts["call"] == facts["drawn"] == facts["loaded"]
    assert facts["call"][0] == pytest.approx([0.0, 1.9732], abs=1e-4)
    assert facts["shape"] == [None, 2]


def test_broken_strangers_are_named_and_harm_nobody(with_strangers):
    facts = with_strangers.facts(
        """
        import corekit as ck
        for name in ("Raising", "Exiting"):
            try:
                ck.Sequential([name])
            except ck.CorekitError as error:
                facts[name] = [type(error).__name__, str(error), repr(error.__cause__)]
        facts["others"] = [type(ck.layer("Gate")).__name__, type(ck.layer("Dense", units=1)).__name__]
        facts["listed"] = "Raising" in dir(ck.layers)
        """
    )

    kind, message, cause = facts["Raising"]
    assert kind == "BrokenPluginError"
    assert (
        'layer "corekit-raises:Raising" (version 2.5) could not be loaded (RuntimeError: no license found)' in message
    )
    assert cause == "RuntimeError('no license found')"
    assert "corekit-exits:Exiting" in facts["Exiting"][1]
    assert facts["Exiting"][2] == "SystemExit(3)"
    assert facts["others"] == ["Gate", "Dense"]
    assert facts["listed"]


def test_info_of_a_broken_stranger_shows_the_cause(with_strangers):
    for name, cause in {"Raising": "no license found", "Exiting": "SystemExit: 3"}.items():
        told = with_strangers.corekit("info", name, check=False)

        assert told.returncode == 1
        assert cause in told.stdout


def test_info_of_a_stranger_shows_its_signature(with_strangers):
    told = with_strangers.corekit("info", "gate").stdout

    assert "Gate(start: float = 0.5, **kwargs)" in told
    assert "Multiply each feature by a learned factor" in told


# The template, from the installed wheel


@pytest.fixture(scope="module")
def my_scale(with_strangers: Environment) -> Path:
    with_strangers.corekit("new", "layer", "my-scale")
    folder = with_strangers.work / "my-scale"
    with_strangers.install("install", "--no-build-isolation", "--no-deps", "--no-index", ".", cwd=folder)
    return folder


def test_new_plugin_passes_its_own_tests(with_strangers, my_scale):
    done = run(with_strangers.bin / "python", "-m", "pytest", "-p", "no:cacheprovider", cwd=my_scale)

    assert " passed" in done.stdout
    assert not re.findall(r"SKIPPED \[\d+\] (?:src|tests)/", done.stdout)  # the kit may: not all applies to a layer


def test_model_uses_the_new_plugin(with_strangers, my_scale):
    facts = with_strangers.facts(
        """
        import corekit as ck, torch
        model = ck.Sequential([ck.Input(shape=(2,)), "MyScale", ck.layers.Dense(1), "my-scale:MyScale"])
        facts["shape"] = list(model(torch.ones(4, 2)).shape)
        facts["module"] = type(model.layers[0]).__module__
        """
    )

    assert facts == {"shape": [4, 1], "module": "my_scale.my_scale"}
