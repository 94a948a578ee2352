import sys

import pytest

from corekit.errors import BrokenPluginError
from corekit.registry import Component
from corekit.registry.component import canonical, fold


def component(target: str) -> Component:
    return Component("layers", "Norm", "corekit-norms", "1.0", {"Norm": target})


def test_fold_ignores_case_and_underscores():
    assert fold("Mean_SquaredError") == fold("mean_squared_error") == "meansquarederror"


@pytest.mark.parametrize("written", ["Corekit_Norms", "corekit.norms", "corekit--norms", "corekit-norms"])
def test_canonical_writes_names_as_pep_503(written):
    assert canonical(written) == "corekit-norms"


def test_id_joins_distribution_and_name():
    assert component("norms:Norm").id == "corekit-norms:Norm"


def test_aliases_leave_out_own_name():
    aliased = Component("losses", "Mse", "d", "1.0", {"mse": "m:Mse", "Mse": "m:Mse", "MSE": "m:Mse"})

    assert aliased.aliases == ("MSE", "mse")


def test_load_imports_only_then(site):
    site.install("corekit-norms", {}, norms="class Norm: pass")

    assert "norms" not in sys.modules
    assert component("norms:Norm").load().__name__ == "Norm"
    assert "norms" in sys.modules


def test_load_follows_dotted_attributes(site):
    site.install("corekit-norms", {}, norms="class Outer:\n    class Norm: pass")

    assert component("norms:Outer.Norm").load().__qualname__ == "Outer.Norm"


@pytest.mark.parametrize(
    ("source", "cause", "words"),
    [
        ("import einops_that_is_missing", ModuleNotFoundError, "No module named 'einops_that_is_missing'"),
        ("import sys; sys.exit(3)", SystemExit, "SystemExit: 3"),
        ("class Norm(", SyntaxError, "SyntaxError"),
        ("raise RuntimeError('no license')", RuntimeError, "RuntimeError: no license"),
        ("class Other: pass", AttributeError, "has no attribute 'Norm'"),
    ],
)
def test_failed_load_names_plugin_and_cause(site, source, cause, words):
    site.install("corekit-norms", {}, norms=source)

    with pytest.raises(BrokenPluginError) as caught:
        component("norms:Norm").load()

    assert isinstance(caught.value.__cause__, cause)
    message = str(caught.value)
    assert 'layer "corekit-norms:Norm" (version 1.0) could not be loaded' in message
    assert words in message
    assert "pip uninstall corekit-norms" in message


def test_ctrl_c_is_not_taken_for_a_broken_plugin(site):
    site.install("corekit-norms", {}, norms="raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        component("norms:Norm").load()
