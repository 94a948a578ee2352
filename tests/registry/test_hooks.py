import sys

import pytest

from corekit.errors import UnknownNameError

NORMS = """
    import corekit

    class Norm: pass

    @corekit.hookimpl
    def register_components(register):
        register("layers", "Norm", Norm)
"""


def hook(body):
    return f"import corekit\n\n@corekit.hookimpl\ndef register_components(register):\n    {body}\n"


def test_hook_adds_components(site):
    site.install("corekit-hooked", {"hooks": {"main": "hooked"}}, hooked=NORMS)

    component = site.registry().find("layers", "norm")

    assert component.id == "corekit-hooked:Norm"
    assert component.load() is sys.modules["hooked"].Norm


def test_hook_modules_wait_for_a_miss(site):
    site.install("corekit-hooked", {"hooks": {"main": "hooked"}}, hooked=NORMS)
    site.install("corekit-norms", {"layers": {"Other": "norms:Other"}})
    registry = site.registry()

    registry.find("layers", "Other")
    registry.components()

    assert "hooked" not in sys.modules
    assert registry.pending_hooks() == ["corekit-hooked"]


def test_failed_hook_is_not_run_again_at_the_next_miss(site):
    site.install("corekit-hooked", {"hooks": {"main": "hooked"}}, hooked=hook("runs.append(1); 1 / 0") + "runs = []\n")
    registry = site.registry()

    for name in ("a", "b", "c"):
        with pytest.raises(UnknownNameError):
            registry.find("layers", name)

    assert sys.modules["hooked"].runs == [1]
    assert len(registry.problems()) == 1


def test_hook_modules_run_once(site):
    site.install("corekit-hooked", {"hooks": {"main": "hooked"}}, hooked=hook("runs.append(1)") + "runs = []\n")
    registry = site.registry()

    for name in ("a", "b"):
        with pytest.raises(UnknownNameError):
            registry.find("layers", name)

    assert sys.modules["hooked"].runs == [1]
    assert registry.pending_hooks() == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("raise RuntimeError('no license')", "RuntimeError: no license"),
        ("import sys; sys.exit()", "SystemExit"),
        (hook("raise ValueError('later')"), "ValueError: later"),
        (hook("pass").replace("register_components", "register_component"), "unknown hook 'register_component'"),
        (hook("pass").replace("(register)", "(registry)"), "registry"),
        (hook("register('layer', 'X', object)"), "the first argument is one of layers"),
        (hook("register('layers', 'a:b', object)"), "without a colon"),
        (hook("register('layers', 'Ab', object); register('layers', 'a_b', object)"), "one of that name already"),
    ],
    ids=["import", "exit", "raise", "misspelt", "argument", "kind", "colon", "twice"],
)
def test_broken_hook_is_named_and_others_run(site, source, words):
    site.install("corekit-broken", {"hooks": {"main": "broken_hooks"}}, broken_hooks=source)
    site.install("corekit-hooked", {"hooks": {"main": "hooked"}}, hooked=NORMS)
    registry = site.registry()

    registry.find("layers", "Norm")

    (problem,) = registry.problems()
    assert problem.distribution == "corekit-broken"
    assert 'its hook module "broken_hooks" was skipped' in problem.message
    assert words in problem.message


def test_raising_hook_leaves_nothing_partial(site):
    source = hook("register('layers', 'First', object); raise ValueError('later')")
    site.install("corekit-broken", {"hooks": {"main": "broken_hooks"}}, broken_hooks=source)

    with pytest.raises(UnknownNameError, match="ValueError: later"):
        site.registry().find("layers", "First")


def test_entry_points_keep_their_name_before_hooks(site):
    site.install("corekit-hooked", {"hooks": {"main": "hooked"}}, hooked=NORMS)
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}})
    registry = site.registry()

    before = registry.find("layers", "Norm")
    with pytest.raises(UnknownNameError):
        registry.find("layers", "nothing")  # loads the hooks

    assert registry.find("layers", "Norm") is before
    assert registry.find("layers", "corekit-hooked:Norm").distribution == "corekit-hooked"
    assert "was added by a hook, and corekit-norms:Norm has the name already" in registry.problems()[0].message


def test_hook_may_look_things_up(site):
    source = hook("corekit.registry.registry.components('layers'); register('layers', 'Norm', object)")
    site.install("corekit-hooked", {"hooks": {"main": "hooked"}}, hooked=source)
    from corekit.registry import registry

    assert registry.find("layers", "Norm").id == "corekit-hooked:Norm"


def test_ctrl_c_in_a_hook_goes_through(site):
    site.install("corekit-hooked", {"hooks": {"main": "hooked"}}, hooked="raise KeyboardInterrupt")
    registry = site.registry()

    with pytest.raises(KeyboardInterrupt):
        registry.find("layers", "Norm")
    assert registry.pending_hooks() == ["corekit-hooked"]
