import sys
import threading

import pytest

import corekit
from corekit.errors import AmbiguousNameError, ArgumentError, DisabledPluginError
from corekit.registry import policy, registry

NORMS = "class Norm: pass\nclass Other: pass"


@pytest.fixture
def strangers(site):
    """Two distributions with a layer Norm each; the first has one more, a hook module, and each a module of its own."""
    site.install("corekit-a", {"layers": {"Norm": "a_norms:Norm", "Other": "a_norms:Other"}}, a_norms=NORMS)
    hook = "import corekit\n@corekit.hookimpl\ndef register_components(register): register('layers', 'Late', object)\n"
    site.install(
        "corekit-b", {"layers": {"Norm": "b_norms:Norm"}, "hooks": {"h": "b_hooks"}}, b_norms=NORMS, b_hooks=hook
    )
    return site


@pytest.fixture(params=["COREKIT_DISABLE", "project", "user", "with"])
def disable(request, tmp_path, monkeypatch):
    """A way to switch names off, at each of the places where people can."""

    def decide(*names):
        if request.param == "COREKIT_DISABLE":
            monkeypatch.setenv("COREKIT_DISABLE", ", ".join(names))
        elif request.param == "user":
            (tmp_path / "config.toml").write_text(f"disable = {list(names)}")
            monkeypatch.setenv("COREKIT_CONFIG", str(tmp_path / "config.toml"))
        elif request.param == "project":
            (tmp_path / "pyproject.toml").write_text(f"[tool.corekit]\ndisable = {list(names)}")
            (tmp_path / "deep").mkdir()
            monkeypatch.chdir(tmp_path / "deep")
        else:
            context = policy.plugins(disable=names)
            context.__enter__()
            request.addfinalizer(lambda: context.__exit__(None, None, None))
        return {"COREKIT_DISABLE": "COREKIT_DISABLE", "with": "corekit.plugins(disable=...)"}.get(
            request.param, ".toml"
        )

    return decide


@pytest.mark.parametrize("spelling", ["corekit-a", "Corekit_A", "COREKIT.A", "corekit-a:Other"])
def test_what_is_switched_off_is_never_imported(strangers, disable, spelling):
    place = disable(spelling)

    with pytest.raises(DisabledPluginError, match=r'layer "corekit-a:Other" is switched off') as caught:
        registry.get("layers", "Other")
    with pytest.raises(DisabledPluginError):
        registry.get("layers", "corekit_a:other")

    assert place in str(caught.value)
    assert "a_norms" not in sys.modules
    assert "Other" not in registry.names("layers")
    assert not hasattr(corekit.layers, "Other")


def test_an_object_that_was_found_before_is_refused_too(strangers):
    component = registry.find("layers", "Other")

    with policy.plugins(disable=["corekit-a"]), pytest.raises(DisabledPluginError):
        registry.load(component)


def test_what_is_switched_off_clashes_with_nothing(strangers, disable):
    disable("corekit-a:Norm")

    assert registry.find("layers", "Norm").id == "corekit-b:Norm"
    assert registry.find("layers", "Other").id == "corekit-a:Other"


def test_hooks_of_what_is_switched_off_do_not_run(strangers):
    with policy.plugins(disable=["corekit-b"]):
        assert registry.kinds_of("Late") == []
        assert "b_hooks" not in sys.modules
        assert registry.pending_hooks() == []

    assert registry.get("layers", "Late") is object


def test_a_standard_part_can_be_switched_off_and_nobody_steps_in(strangers):
    own = strangers.registry({"layers": {"Norm": "corekit-a"}})

    with policy.plugins(disable=["corekit-a"]), pytest.raises(DisabledPluginError, match="corekit-a:Norm"):
        own.find("layers", "Norm")


def test_an_allow_list_lets_nothing_else_pass(strangers, monkeypatch):
    monkeypatch.setenv("COREKIT_ALLOW", "corekit-b:Norm")

    assert registry.names("layers") == ["Norm"]
    with pytest.raises(DisabledPluginError, match="COREKIT_ALLOW allows only corekit-b:Norm"):
        registry.get("layers", "Other")


def test_an_allow_list_keeps_the_programs_own_classes(strangers):
    registry.add_local("layers", "Mine", object)

    with policy.plugins(allow=["corekit-a"]):
        assert registry.get("layers", "Mine") is object


def test_each_place_can_only_take_away(strangers, monkeypatch):
    monkeypatch.setenv("COREKIT_DISABLE", "corekit-a:Norm")

    with policy.plugins(allow=["corekit-a"]):
        assert registry.names("layers") == ["Other"]


def test_leaving_brings_back_what_was(strangers):
    before = registry.names("layers")
    with pytest.raises(RuntimeError), policy.plugins(disable=["corekit-a"]):
        raise RuntimeError

    assert registry.names("layers") == before
    assert registry.get("layers", "Other").__name__ == "Other"


def test_a_with_statement_is_of_its_thread(strangers):
    seen = []
    with policy.plugins(disable=["corekit-a"]):
        thread = threading.Thread(target=lambda: seen.append(registry.find("layers", "Other").id))
        thread.start()
        thread.join()

    assert seen == ["corekit-a:Other"]


@pytest.mark.parametrize("preference", ["corekit-b", "Corekit_B:Norm"])
def test_a_preference_settles_a_clash(strangers, monkeypatch, preference):
    with pytest.raises(AmbiguousNameError, match=r'prefer = \["corekit-a:Norm"\]'):
        registry.find("layers", "Norm")
    with policy.prefer(preference):
        assert registry.find("layers", "Norm").id == "corekit-b:Norm"
        assert "corekit-b:Norm is preferred" in str(registry.problems()[0])

    monkeypatch.setenv("COREKIT_PREFER", preference)
    registry.refresh()

    assert registry.get("layers", "Norm").__module__ == "b_norms"
    with policy.prefer("corekit-a"):
        assert registry.find("layers", "Norm").id == "corekit-a:Norm"


def test_no_preference_replaces_a_standard_part(strangers):
    own = strangers.registry({"layers": {"Norm": "corekit-a"}})

    with policy.prefer("corekit-b"):
        assert own.find("layers", "Norm").id == "corekit-a:Norm"


def test_an_unknown_name_in_a_list_is_an_error_with_a_suggestion(strangers, disable):
    place = disable("corekit-aa")

    with pytest.raises(
        ArgumentError, match=r'names "corekit-aa", which is not installed\. Did you mean "corekit-a"'
    ) as e:
        registry.find("layers", "Other")
    assert place in str(e.value)


def test_what_was_installed_after_the_first_look_up_can_be_named(strangers):
    registry.names("layers")
    strangers.install("corekit-new", {"layers": {"New": "new_norms:New"}})

    with policy.plugins(disable=["corekit-new"]), pytest.raises(DisabledPluginError):
        registry.find("layers", "New")


def test_what_a_hook_may_add_can_be_named(strangers):
    with policy.plugins(disable=["corekit-b:Late"]), pytest.raises(DisabledPluginError):
        registry.get("layers", "Late")


@pytest.mark.parametrize(
    "content",
    [
        "[tool.corekit]\ndisable = ['corekit-a']", "[ tool . 'corekit' ]\ndisable = ['corekit-a']",
        "[tool]\ncorekit = {disable = ['corekit-a']}", "tool.corekit.disable = ['corekit-a']",
        "[tool]\ncorekit.disable = ['corekit-a']", '[tool."corekit"]\ndisable = ["corekit-a"]',
    ],
)  # fmt: skip
def test_every_way_of_writing_the_table_is_read(strangers, tmp_path, monkeypatch, content):
    (tmp_path / "pyproject.toml").write_text(content)
    monkeypatch.chdir(tmp_path)

    assert registry.names("layers") == ["Norm"]


@pytest.mark.parametrize(
    "content", ["", "[project]\ndependencies = ['corekit>=1']", "[tool]\nx = 1", "tool = 'corekit.x'"]
)
def test_a_project_without_the_table_decides_nothing(strangers, tmp_path, monkeypatch, content):
    (tmp_path / "pyproject.toml").write_text(content)
    monkeypatch.chdir(tmp_path)

    assert policy.declared() == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("disable = 3", "expected a list"),
        ('disable = "corekit-a"', "expected a list"),
        ("disable = [", "cannot be read"),
        ('disabled = ["corekit-a"]', 'there is no key "disabled". Did you mean "disable"'),
        ("colour = 3", 'there is no key "colour". Keys are disable, allow, prefer'),
    ],
)
def test_a_file_that_cannot_be_used_is_named(strangers, tmp_path, monkeypatch, content, said):
    (tmp_path / "config.toml").write_text(content)
    monkeypatch.setenv("COREKIT_CONFIG", str(tmp_path / "config.toml"))

    with pytest.raises(ArgumentError, match=rf"config.toml.*{said}"):
        registry.names("layers")


def test_a_file_that_cannot_be_opened_is_named(strangers, tmp_path, monkeypatch):
    monkeypatch.setenv("COREKIT_CONFIG", str(tmp_path))

    with pytest.raises(ArgumentError, match="cannot be read"):
        registry.names("layers")


def test_a_single_string_is_no_list():
    with pytest.raises(ArgumentError, match="expected a list"), policy.plugins(disable="corekit-a"):
        pass
