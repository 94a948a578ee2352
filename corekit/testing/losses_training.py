"""What every loss must do, part two: be stored, found by name, compiled, and lowered by `fit`."""

from __future__ import annotations

import torch

from corekit.testing.case import Case
from corekit.testing.compare import assert_equal
from corekit.testing.compiling import compiled
from corekit.testing.every_kind import assert_no_effects, by_name, names, rebuilt
from corekit.testing.imports import import_budget
from corekit.testing.kit import CheckList, Skip, fail
from corekit.testing.loss_calls import corekit_only, labels_and_predictions, made, with_gradient
from corekit.testing.small_models import model_for

CHECKS = CheckList("losses", minimum=0)


@CHECKS.check
def config(case: Case) -> None:
    """A model file holds the loss: an argument that is missing comes back as its default, and nobody is told."""
    corekit_only(case, "a config")
    loss = made(case)
    again = rebuilt(case, loss)
    given = labels_and_predictions(case)
    assert_equal(
        case,
        loss(*given),
        again(*given),
        exact=True,
        on="after from_config(get_config())",
        fix="Let get_config return every argument, or leave it out: arguments are recorded.",
    )


@CHECKS.check
def settings(case: Case) -> None:
    """Every loss takes reduction, name and dtype: `compile` and files set them."""
    corekit_only(case, "reduction, name and dtype")
    try:
        loss = case.make(reduction="sum", name="mine", dtype="float64")
    except TypeError as error:
        fail(
            case,
            on='made with reduction="sum", name="mine", dtype="float64"',
            expected="a loss",
            got=f"TypeError: {error}",
            fix="Take **kwargs and hand them to super().__init__(**kwargs).",
        )
    if (loss.reduction, loss.name) != ("sum", "mine"):
        fail(
            case,
            on='made with reduction="sum", name="mine"',
            expected="both kept",
            got=f"reduction={loss.reduction!r}, name={loss.name!r}",
            fix="Hand them to super().__init__.",
        )
    value = loss(*labels_and_predictions(case, torch.float32))
    if value.dtype != torch.float64:
        fail(
            case,
            on='made with dtype="float64"',
            expected="float64",
            got=value.dtype,
            fix="Hand dtype to super().__init__, and compute in y_pred's dtype.",
        )


@CHECKS.once
def compiles(case: Case) -> None:
    """The loss is part of the compiled step: one break in it, and `fit` runs at eager speed."""
    loss, weight = made(case), torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64)
    for on_logits in (False, True) if loss.logits_for else (False,):

        def run(y_true: torch.Tensor, y_pred: torch.Tensor, logits: bool = on_logits) -> torch.Tensor:
            value: torch.Tensor = loss(y_true, y_pred, weight, on_logits=logits)
            return value + loss(y_true, y_pred, on_logits=logits)  # type: ignore[no-any-return]  # a stranger

        with compiled(case, run) as call:
            for seed in (1, 2, 3):
                y_true, y_pred = labels_and_predictions(case, seed=seed)
                expected = with_gradient(lambda p, t=y_true: run(t, p), y_pred)  # type: ignore[misc]  # a default in it
                got = with_gradient(lambda p, t=y_true: call(t, p), y_pred)  # type: ignore[misc]  # a default in it
                assert_equal(
                    case,
                    expected,
                    got,
                    on=f"compiled, on_logits={on_logits}: value and gradient",
                    fix="Use torch functions only in call.",
                )


@CHECKS.once
def trains_a_model(case: Case) -> None:
    """`compile(loss=...)` by name, `fit`, and `evaluate` over batches of unequal sizes are how a loss is used."""
    x = torch.rand((10, 4), generator=torch.Generator("cpu").manual_seed(0))
    y_true, y_pred = labels_and_predictions(case, torch.float32, batch=10)
    spec = case.example.inputs[1]
    model = model_for(tuple(y_pred.shape[1:]), spec.low, spec.high)
    if made(case).reduction not in ("sum_over_batch_size", "mean"):
        raise Skip("its example sets another reduction, of which evaluate shows the mean over batches")
    model.compile(optimizer=torch.optim.SGD(model.parameters(), lr=0.02), loss=by_name(case), jit_compile=False)
    before = model.evaluate(x, y_true, batch_size=4, verbose=0)
    by_hand = float(made(case)(y_true, torch.as_tensor(model.predict(x, verbose=0))))
    if not abs(before - by_hand) <= 1e-4 * (1 + abs(by_hand)):
        fail(
            case,
            on="evaluate in batches of 4, 4 and 2",
            expected=f"the loss of all at once, {by_hand:.6g}",
            got=f"{before:.6g}",
            fix="Let call return one value per sample.",
        )
    model.fit(x, y_true, epochs=10, batch_size=4, verbose=0, shuffle=False)
    after = model.evaluate(x, y_true, batch_size=4, verbose=0)
    if not after < before:
        fail(
            case,
            on="gradient descent on a linear model over 10 epochs",
            expected=f"a loss below {before:.6g}",
            got=f"{after:.6g}",
            fix="A loss falls along its negative gradient; check its sign and its backward.",
        )


@CHECKS.check
def side_effects(case: Case) -> None:
    """A loss that seeds, prints or sets a global does so at every step of a training."""
    assert_no_effects(case, lambda: made(case)(*labels_and_predictions(case)))


CHECKS.once(import_budget)
CHECKS.once(names)
