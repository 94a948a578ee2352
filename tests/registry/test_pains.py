"""What users of other plugin hosts suffer, a test each; `docs/plugins.md` tells where they said so."""

import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

import corekit as ck
from corekit.errors import (
    AmbiguousNameError,
    ArgumentError,
    BrokenPluginError,
    DisabledPluginError,
    IncompatiblePluginError,
    UnknownNameError,
)
from corekit.registry import index, registry

NORM = "import torch\nclass Norm(torch.nn.Module):\n    def forward(self, x): return x"


@pytest.fixture
def healthy(site):
    """A site with a healthy plugin."""
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}}, norms=NORM)
    return site


def test_imports_of_plugins_do_not_ruin_start_up(healthy):
    for number in range(40):
        healthy.install(
            f"heavy-{number}",
            {"layers": {f"Heavy{number}": f"heavy_{number}:X"}},
            **{f"heavy_{number}": "raise Exception"},
        )

    assert ck.layers.Norm
    assert len(registry.components("layers")) == 41
    assert not [name for name in sys.modules if name.startswith("heavy_")]


def test_one_broken_plugin_does_not_brick_the_host(healthy):
    healthy.install(
        "broken", {"layers": {"Bad": "broken_norms:Bad"}, "hooks": {"a": "broken_norms"}}, broken_norms="1/0"
    )

    assert ck.layer("Norm")(torch.ones(2)).shape == (2,)
    assert "Norm" in dir(ck.layers)


def test_tool_can_still_switch_off_what_is_broken(healthy):
    healthy.install("broken", {"layers": {"Bad": "broken_norms:Bad"}}, broken_norms="1/0")

    with ck.plugins(disable=["broken"]):
        assert registry.problems() == []
        with pytest.raises(DisabledPluginError, match="disables it"):
            ck.layers.Bad  # noqa: B018  # looking it up is what is tried


def test_failure_is_not_swallowed(healthy):
    healthy.install("broken", {"layers": {"Bad": "broken_norms:Bad"}}, broken_norms="1/0")

    with pytest.raises(BrokenPluginError, match="broken:Bad") as caught:
        ck.layer("Bad")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "division by zero" in str(registry.problems()[0])


def test_metadata_is_not_scanned_again_and_again(healthy, monkeypatch):
    scans = []
    monkeypatch.setattr(registry, "_scan", lambda: scans.append(1) or index.current())
    registry.refresh()

    for _ in range(100):
        assert registry.find("layers", "Norm")
        assert ck.layers.Norm
    assert len(scans) == 1


def test_stale_metadata_neither_hides_nor_doubles_a_plugin(healthy):
    stale = healthy.root / "site" / "corekit_norms.egg-info"
    stale.mkdir()
    stale.joinpath("PKG-INFO").write_text("Metadata-Version: 2.4\nName: corekit-norms\nVersion: 0.1\n")
    registry.refresh()

    assert [one.version for one in registry.components("layers")] == ["1.0"]
    assert "installed more than once" in str(registry.problems()[0])


def test_typo_in_a_list_is_not_silent(healthy):
    with ck.plugins(allow=["corekit-norm"]), pytest.raises(ArgumentError, match='Did you mean "corekit-norms"'):
        ck.layers.Norm  # noqa: B018  # looking it up is what is tried


@pytest.mark.parametrize("folders", [("first", "second"), ("second", "first")])
def test_collision_of_names_is_not_decided_by_order(site, folders):
    for name, folder in zip(("a-norms", "b-norms"), folders, strict=True):
        site.install(name, {"layers": {"Norm": "norms:Norm"}}, folder=folder)
    site.folders.sort()

    with pytest.raises(AmbiguousNameError, match="a-norms:Norm, b-norms:Norm"):
        registry.find("layers", "Norm")
    with ck.prefer("b-norms"):
        assert registry.find("layers", "Norm").id == "b-norms:Norm"


def test_collision_of_op_namespaces_is_told_before_anything_is_loaded(healthy):
    for name in ("one_op", "other_op"):
        source = f"import torch\nLIBRARY = torch.library.Library('zoo_taken', 'DEF')\ndef {name}(x): return x\n"
        healthy.install(name, {"ops": {name: f"{name}:{name}"}}, **{name: source})

    for name in ("one_op", "other_op"):
        with pytest.raises(IncompatiblePluginError, match='defines the torch namespace "zoo_taken", and so does'):
            registry.get("ops", name)
    assert {"one_op", "other_op"}.isdisjoint(sys.modules)
    assert ck.layers.Norm


def test_built_for_another_torch_is_said_in_a_sentence(healthy):
    healthy.install("old", {"layers": {"Old": "old:Old"}}, head="Requires-Dist: torch<2\n", old="1/0")

    with pytest.raises(IncompatiblePluginError, match=r'it needs torch<2, and .* is installed:  pip install "torch<2"'):
        ck.layer("Old")
    assert "old" not in sys.modules


def test_plugin_may_import_its_host(healthy):
    source = (
        "import corekit\nfrom corekit.layers import Norm\nclass Own(corekit.Layer):\n    def call(self, x): return x"
    )
    healthy.install("cycle", {"layers": {"Own": "cycle_norms:Own"}}, cycle_norms=source)

    assert ck.layer("Own")(torch.ones(2)).shape == (2,)


def test_installed_for_hardware_that_is_not_there(healthy):
    healthy.install("npu", {"layers": {"Npu": "npu_norms:Npu"}}, npu_norms="raise RuntimeError('no NPU found')")

    with pytest.raises(BrokenPluginError, match="no NPU found"):
        ck.layer("Npu")
    assert ck.layers.Norm


def test_saved_model_finds_a_layer_that_nobody_imported(healthy, tmp_path):
    source = "import corekit\nclass Own(corekit.Layer):\n    def call(self, x): return x + 1"
    healthy.install("mine", {"layers": {"Own": "mine_norms:Own"}}, mine_norms=source)
    ck.Sequential([ck.Input((2,)), ck.layer("Own")]).save(tmp_path / "model.safetensors")
    del sys.modules["mine_norms"]
    registry.refresh()

    model = ck.load_model(tmp_path / "model.safetensors")
    assert model(torch.zeros(1, 2)).tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize("name", ["os:system", "evil:Evil", "evil.Evil", "evil"])
def test_hostile_configuration_imports_nothing(healthy, name):
    healthy.install("not-a-plugin", {}, evil="class Evil: pass")  # importable, and no component

    with pytest.raises(UnknownNameError):
        ck.layer({"id": name, "config": {"command": "true"}})
    assert "evil" not in sys.modules


def test_plugin_for_another_host_is_said_before_its_import(healthy):
    healthy.install("next", {"layers": {"Next": "next_n:Next"}}, head="Requires-Dist: corekit>=99\n", next_n="1/0")

    with pytest.raises(IncompatiblePluginError, match="it needs corekit>=99"):
        ck.layer("Next")
    assert "next_n" not in sys.modules


@pytest.mark.parametrize("need", ["corekit", "corekit>=0.1", "corekit>=0.1,<2", "corekit>=0.1; python_version<'4'"])
def test_compatible_plugin_is_not_called_incompatible(healthy, need):
    healthy.install("fine", {"layers": {"Fine": "fine_n:Norm"}}, head=f"Requires-Dist: {need}\n", fine_n=NORM)

    assert ck.layer("Fine")(torch.ones(2)).shape == (2,)


def test_dependencies_that_fight_are_named(healthy):
    healthy.install("rows", {}, version="2.0")
    healthy.install("a", {"layers": {"A": "a_n:Norm"}}, head="Requires-Dist: rows>=2\n", a_n=NORM)
    healthy.install("b", {"layers": {"B": "b_n:Norm"}}, head="Requires-Dist: rows<2\n", b_n=NORM)

    assert ck.layer("A")(torch.ones(2)).shape == (2,)
    with pytest.raises(IncompatiblePluginError, match=r"b:B.* it needs rows<2, and 2.0 is installed"):
        ck.layer("B")


def test_one_plugin_can_be_switched_off_and_the_others_stay(healthy):
    healthy.install("rows", {"layers": {"Row": "rows_n:Norm"}}, rows_n=NORM)

    with ck.plugins(disable=["rows"]):
        assert hasattr(ck.layers, "Norm")
        assert not hasattr(ck.layers, "Row")
    assert ck.layers.Row


def test_installed_while_the_program_runs_is_seen(healthy):
    assert not hasattr(ck.layers, "Late")
    healthy.install("late", {"layers": {"Late": "late_n:Norm"}}, late_n=NORM)

    assert ck.layer("Late")(torch.ones(2)).shape == (2,)


def test_worker_has_the_same_components_in_the_same_order():
    code = "from corekit.registry import registry; print([one.id for one in registry.components()])"
    told = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)}

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        here = [one.id for one in registry.components() if one.distribution != "local"]
    assert told == {f"{here}\n".encode()}


def test_page_and_tests_name_each_other():
    page = Path(__file__).parents[2].joinpath("docs", "plugins.md").read_text()
    named = set(re.findall(r"`(test_\w+)` \|", page))
    here = {name for name in globals() if name.startswith("test_")} - {"test_page_and_tests_name_each_other"}

    assert named == here
