"""What a layer must do that says something of itself, on which training relies."""

from __future__ import annotations

import torch

from corekit.testing.case import Case
from corekit.testing.compare import assert_equal
from corekit.testing.kit import CheckList, Skip
from corekit.testing.layer_calls import built, call

CHECKS = CheckList("layers", minimum=0)


@CHECKS.check
def logits(case: Case) -> None:
    """Training feeds a cross-entropy with `logits` in place of the output: where they differ, another model trains."""
    layer = built(case)
    if layer.link_activation is None:
        raise Skip("it has no link_activation")
    torch.manual_seed(0)
    activated = layer.link_activation(layer.logits(*case.inputs()))
    assert_equal(
        case,
        call(layer, case.inputs(), seed=0),
        activated,
        on="link_activation(logits(x)) in place of the layer's output",
        fix="Let call be link_activation of logits, or set link_activation = None.",
    )


@CHECKS.check
def takes_maxima(case: Case) -> None:
    """An activation that never falls is moved behind a layer that says `takes_maxima`: results must stay the same."""
    layer = built(case)
    if not layer.takes_maxima:
        raise Skip("it does not say takes_maxima")
    (x,) = case.inputs()
    x = 3 * x
    for rising in (torch.relu, torch.tanh):
        after = [rising(one) for one in call(layer, (x,))]
        assert_equal(
            case,
            call(layer, (rising(x),)),
            after,
            on=f"{rising.__name__} after the layer in place of before it",
            fix="Say takes_maxima only where each output is the largest of some inputs, and nothing else.",
        )
