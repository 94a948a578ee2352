import sys

import pytest
import torch

import corekit as ck
from corekit.errors import StrictError, UnknownNameError
from corekit.registry import registry

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


def test_an_id_loads_the_hooks_of_its_distribution_alone(site):
    site.install("corekit-hooked", {"hooks": {"main": "hooked"}}, hooked=NORMS)
    site.install("corekit-other", {"hooks": {"main": "other_hooks"}}, other_hooks=hook("register('layers', 'X', 1)"))
    registry = site.registry()

    assert registry.find("layers", "Corekit_Hooked:Norm").id == "corekit-hooked:Norm"
    with pytest.raises(UnknownNameError):
        registry.find("layers", "nobody:Norm")
    assert "other_hooks" not in sys.modules


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


def notes(name, *, how="", body="notes.append('{name}')"):
    body = body.format(name=name)
    head = f"import sys, corekit\nfrom noted import notes\n@corekit.hookimpl({how})\n"
    return f"{head}def training_begins(model):\n    {body}\n"


def test_hooks_are_called_in_the_declared_order(site):
    site.install("noted", {}, noted="notes = []")
    for name, how in {"b-one": "", "a-last": "trylast=True", "c-first": "tryfirst=True", "a-two": ""}.items():
        module = f"order_{name[0]}{name[2]}"
        site.install(name, {"hooks": {"main": module}}, **{module: notes(name, how=how)})

    site.registry().call_hooks("training_begins", model=None)

    assert sys.modules["noted"].notes == ["c-first", "a-two", "b-one", "a-last"]


def test_hook_that_raises_is_named_and_the_others_are_called(site):
    site.install("noted", {}, noted="notes = []")
    site.install("a-bad", {"hooks": {"main": "bad_hooks"}}, bad_hooks=notes("a-bad", body="raise KeyError('k')"))
    site.install("a-exits", {"hooks": {"main": "exit_hooks"}}, exit_hooks=notes("a-exits", body="sys.exit(1)"))
    site.install("b-good", {"hooks": {"main": "good_hooks"}}, good_hooks=notes("b-good"))
    registry = site.registry()

    with pytest.warns(RuntimeWarning, match="its hook training_begins in .* failed"):
        registry.call_hooks("training_begins", model=None)

    assert sys.modules["noted"].notes == ["b-good"]
    bad, exits = registry.problems()
    assert str(bad).startswith('a-bad 1.0: its hook training_begins in "bad_hooks" failed (KeyError')
    assert (exits.distribution, "SystemExit" in exits.message) == ("a-exits", True)


def test_strict_makes_an_error_of_a_hook_that_raises(site, monkeypatch):
    site.install("noted", {}, noted="notes = []")
    site.install("a-bad", {"hooks": {"main": "bad_hooks"}}, bad_hooks=notes("a-bad", body="raise KeyError('k')"))
    monkeypatch.setenv("COREKIT_STRICT", "1")

    with pytest.raises(StrictError, match="a-bad"):
        site.registry().call_hooks("training_begins", model=None)


def test_wrong_argument_of_a_hook_is_said_when_it_is_loaded(site):
    source = "import corekit\n@corekit.hookimpl\ndef training_ends(model, history, speed): pass"
    site.install("a-bad", {"hooks": {"main": "bad_hooks"}}, bad_hooks=source)
    registry = site.registry()
    registry.call_hooks("training_ends", model=None, history=None)

    assert "was skipped" in registry.problems()[0].message
    assert "speed" in registry.problems()[0].message


def test_training_calls_its_hooks(site):
    source = "import corekit\ntold = []\n" + "".join(
        f"@corekit.hookimpl\ndef {name}({', '.join(facts)}):\n    told.append(({name!r}, {facts[-1]}))\n"
        for name, facts in {
            "model_built": ["model"],
            "training_begins": ["model"],
            "training_ends": ["model", "history"],
        }.items()
    )
    site.install("a-listener", {"hooks": {"main": "listening"}}, listening=source)
    model = ck.Sequential([ck.Input((2,)), ck.layer(torch.nn.Flatten()), Scale()])
    model.compile(torch.optim.SGD, torch.nn.MSELoss(), jit_compile=False)
    history = model.fit(torch.ones(4, 2), torch.ones(4, 2), verbose=0)
    told = sys.modules["listening"].told

    model.fit(torch.ones(4, 2), torch.ones(4, 2), verbose=0)

    assert told[:3] == [("training_begins", model), ("model_built", model), ("training_ends", history)]
    assert [name for name, _ in told[3:]] == ["training_begins", "training_ends"]


def test_hook_may_freeze_a_built_model_before_the_optimizer_takes_it(site):
    source = """
        import corekit
        @corekit.hookimpl
        def model_built(model):
            model.layers[0].trainable = False
    """
    site.install("a-freezer", {"hooks": {"main": "freezing"}}, freezing=source)
    model = ck.Sequential([Scale(), Scale()])
    model.compile(torch.optim.SGD, torch.nn.MSELoss(), jit_compile=False)

    model.fit(torch.ones(4, 2), torch.zeros(4, 2), verbose=0)

    assert [layer.scale.item() == 1 for layer in model.layers] == [True, False]


class Scale(ck.Layer):
    """The least that can be trained."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(), initializer=torch.nn.init.ones_, name="scale")

    def call(self, inputs):
        return inputs * self.scale


def test_files_call_their_hooks(tmp_path):
    heard = []
    path = tmp_path / "m.safetensors"
    model = ck.Sequential([ck.Input((2,)), ck.layers.Dense(1)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "call_hooks", lambda name, **facts: heard.append((name, sorted(facts))))
        model.save(path)
        ck.load_model(path)

    assert heard == [("model_saved", ["model", "path"]), ("model_loaded", ["model", "path"])]
