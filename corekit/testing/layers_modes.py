"""What every layer must do, part four: train and infer, repeat itself, and leave everything else alone."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor

from corekit.model.wrap import layer_class
from corekit.protocols.tree import map_tree
from corekit.testing.case import Case, leaves
from corekit.testing.compare import assert_equal
from corekit.testing.effects import TORCH_GENERATOR, watched
from corekit.testing.kit import CheckList, Skip, fail
from corekit.testing.layer_calls import built, call, is_foreign, state_of

CHECKS = CheckList("layers", minimum=0)
EFFECTS = CheckList("layers", minimum=0)
"""Stands first: an effect that lasts is seen only where the component has not run before."""


@EFFECTS.check
def side_effects(case: Case) -> None:
    """A layer that sets a default dtype, seeds numpy or patches torch breaks code in another file, hours away."""
    with watched(allowed=(TORCH_GENERATOR,)) as found:
        layer = case.make()
        for training in (False, True):
            call(layer, case.inputs(), training=training)
    if found:
        fail(
            case,
            on="made, built and called",
            expected="nothing else to change",
            got=f"it {', '.join(found)}",
            fix="Let a layer read its arguments and inputs only, and draw from torch's generator.",
        )


@CHECKS.check
def modes(case: Case) -> None:
    """Dropout that acts in inference, or averages that do not move in training, cost accuracy and raise no error."""
    layer = built(case)
    inputs = case.inputs()
    before = state_of(layer)
    expected = call(layer, inputs, seed=1)
    assert_equal(
        case,
        before,
        state_of(layer),
        exact=True,
        on="its state after a call in inference",
        fix="Change state only where training is True.",
    )
    assert_equal(
        case,
        expected,
        call(layer, inputs, seed=2),
        exact=True,
        on="a second call in inference",
        fix="Draw random numbers only where training is True.",
    )
    by_mode = _trained(layer.train(), inputs, before, training=None)
    by_argument = _trained(layer.eval(), inputs, before, training=True)
    fix = "Take the mode from call's own argument `training`; do not store it, and do not compute it from the input."
    assert_equal(case, by_mode, by_argument, on="layer(x, training=True) instead of layer.train()", fix=fix)
    if layer.training:
        fail(
            case, on="after layer(x, training=True)", expected="inference mode, as before", got="training mode", fix=fix
        )
    layer.load_state_dict(before)
    again = call(layer.train(), inputs, training=False, seed=1)
    assert_equal(case, expected, again, on="layer(x, training=False) instead of layer.eval()", fix=fix)
    assert_equal(case, before, state_of(layer), exact=True, on="its state after layer(x, training=False)", fix=fix)


@CHECKS.once
def training_acts(case: Case) -> None:
    """A layer that takes `training` and does the same in both modes has its condition wrong, or does not need it."""
    value = layer_class(case.subject.value, case.name)
    if "training" not in inspect.signature(value.call).parameters or is_foreign(case.make()):
        raise Skip("its call takes no training")
    for one in case.subject.cases:
        layer = built(one)
        before = state_of(layer)
        inferred, trained = (_trained(layer, one.inputs(), before, training=training) for training in (False, True))
        if any(not torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(inferred, trained, strict=True)):
            return
    fail(
        case,
        on="all examples in both modes",
        expected="outputs or state that differ in training",
        got="the same in inference",
        fix="Act where training is True; or take the argument away; or declare an example in which it matters.",
    )


@CHECKS.check
def weights_stay(case: Case) -> None:
    """Only the optimizer may change trainable weights: a call that does so too undoes its steps."""
    layer = built(case)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.add_(0.1)  # a change that a second call does not repeat is one too
    before = {name: weight.detach().clone() for name, weight in layer.named_parameters()}
    if not before:
        raise Skip("it has no trainable weights")
    for training in (False, True):
        call(layer, case.inputs(), training=training)
        assert_equal(
            case,
            before,
            dict(layer.named_parameters()),
            exact=True,
            on=f"its weights after a call with training={training}",
            fix="Compute with a new tensor: kernel = self.kernel / norm, not self.kernel.data /= norm.",
        )


@CHECKS.check
def seeds(case: Case) -> None:
    """One seed must repeat a run, and two seeds be two runs: results that cannot be repeated cannot be trusted."""
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        layer = case.make()
        outputs = call(layer, case.inputs(), training=True)
        results.append(([*outputs, *state_of(layer).values()], torch.get_rng_state()))
    assert_equal(
        case,
        results[0][0],
        results[1][0],
        exact=True,
        on="made and trained twice after torch.manual_seed(1)",
        fix="Draw random numbers with torch only (not random or numpy), without a generator of its own.",
    )
    if torch.equal(results[0][1], results[2][1]):
        fail(
            case,
            on="torch.manual_seed(1) and torch.manual_seed(2)",
            expected="two states of torch's generator",
            got="one: it seeds the generator itself",
            fix="Never call torch.manual_seed in a layer.",
        )


@CHECKS.check
def inputs_stay(case: Case) -> None:
    """A layer that changes its input in place breaks whoever else uses that tensor, such as a residual connection."""
    layer = built(case)
    inputs, before = case.inputs(), case.inputs()
    for training in (False, True):
        call(layer, inputs, training=training)
        assert_equal(
            case,
            before,
            inputs,
            on=f"its input after a call with training={training}",
            exact=True,
            fix="Work on a new tensor: x = x + 1 in place of x += 1 or x.add_(1).",
        )


@CHECKS.check
def outputs_stay(case: Case) -> None:
    """An output in a buffer that is used again changes in the caller's hands at the next call."""
    layer = built(case)
    first = call(layer, case.inputs())
    kept = [one.detach().clone() for one in first]
    call(layer, case.inputs(seed=5))
    assert_equal(
        case,
        kept,
        first,
        exact=True,
        on="its first output after a second call",
        fix="Return a new tensor from each call.",
    )


@CHECKS.check
def nan_passes(case: Case) -> None:
    """Training stops at a loss of nan, and says so; a layer that turns nan into numbers hides that all is lost."""
    inputs = case.inputs()
    if not any(one.is_floating_point() for one in leaves(inputs)):
        raise Skip("it takes no floating-point input")
    layer = built(case)
    outputs = call(layer, map_tree(_spoiled, inputs))
    floating = [one for one in outputs if one.is_floating_point()]
    if not floating or not sum(one[0].numel() for one in floating):
        raise Skip("its output holds no floating-point number")
    if not any(one[0].isnan().any() for one in floating):
        fail(
            case,
            on="a sample that is nan",
            expected="nan in its output",
            got="numbers",
            fix="Write torch.where(x <= limit, other, x): a comparison with nan is False. Do not use nan_to_num.",
        )
    if any(one[1:].isnan().any() for one in floating):
        fail(
            case,
            on="a sample that is nan",
            expected="numbers in the outputs of other samples",
            got="nan",
            fix="In inference, let each sample's output depend on that sample alone.",
        )


@CHECKS.check
def names(case: Case) -> None:
    """Summaries, error messages and files call a layer by its name, and its docstring is all that help() shows."""
    layer = case.make(name="mine")
    if layer.name != "mine":
        fail(
            case,
            on='name="mine"',
            expected='a layer called "mine"',
            got=repr(layer.name),
            fix="Take **kwargs in __init__ and write super().__init__(**kwargs).",
        )
    call(layer, case.inputs())
    text = repr(layer)
    if case.name not in text or (len(text) > 2000 and not is_foreign(layer)):  # torch shows what is inside
        fail(
            case,
            on="repr(layer)",
            expected=f"a short text with {case.name} in it",
            got=text[:80],
            fix="Leave __repr__ to torch; extra_repr may add arguments.",
        )
    if not (case.subject.value.__doc__ or "").strip():
        fail(case, on="help()", expected="a docstring", got="none", fix="Say in one line what the layer does.")


def _trained(layer: Any, inputs: tuple[Any, ...], state: dict[str, Tensor], *, training: bool | None) -> list[Tensor]:
    """Return the outputs and the state after a training call from a given state."""
    layer.load_state_dict(state)
    return [*call(layer, inputs, seed=1, training=training), *state_of(layer).values()]


def _spoiled(value: Tensor) -> Tensor:
    """Return a batch whose first sample is nan."""
    if not value.is_floating_point():
        return value
    value = value.clone()
    value[0] = float("nan")
    return value
