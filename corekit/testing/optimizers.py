"""What every optimizer must do: its steps. What it keeps, and training with it, are in the two files beside this."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from corekit.testing import optimizers_settings, optimizers_state, optimizers_training
from corekit.testing.case import Case
from corekit.testing.compare import assert_equal
from corekit.testing.kit import CheckList, Skip, fail
from corekit.testing.modes import Coarse, HostReads, only
from corekit.testing.optimizer_runs import (
    bound,
    gradients,
    in_way,
    is_ours,
    ours_only,
    run,
    step,
    values,
    weights,
)

CHECKS = CheckList("optimizers", minimum=16)

_WAYS = ("shipped", "loop", "flat")
_STEPS = 150


@CHECKS.check
def lowers_a_loss(case: Case) -> None:
    """An optimizer that does not lower a convex loss trains nothing, and a wrong sign makes a loss explode."""
    for dtype in (torch.float32, torch.float64):
        for name, loss, params in (_quadratic(dtype), _regression(dtype)):
            optimizer = bound(case, params)
            first = loss(params).item()
            for _ in range(_STEPS):
                grads = torch.autograd.grad(loss(params), params)
                step(optimizer, params, grads)
            last = loss(params).item()
            if not last < first * (1 - 1e-4):
                fail(
                    case,
                    on=f"{_STEPS} steps on {name} in {dtype}",
                    expected=f"a loss below {first:.6g}",
                    got=f"{last:.6g}",
                    fix="Step against the gradient: param.sub_(learning_rate * direction).",
                )


@CHECKS.check
def ways_agree(case: Case) -> None:
    """Small weights are joined in one buffer and large ones are not: a rule that differs trains models differently."""
    ours_only(case, "joining weights in one buffer")
    value = case.subject.value
    own_many = "update_many" in vars(value)
    if not (value.elementwise or value.fused or own_many):
        raise Skip("it is updated tensor by tensor and no other way")
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
        expected = run(case, 6, dtype=dtype, way="loop")
        for way, fix in (
            ("many", "Make update_many do what update does."),
            ("flat", "Set elementwise = False, or let update treat each element alone: no norms, sums or shapes."),
            ("shipped", "Make update_fused do what update does, weight decay included."),
        ):
            on = f"the weights after 6 steps in {dtype}, updated as {way}, against update for each tensor"
            got = run(case, 6, dtype=dtype, way=way)
            assert_equal(case, expected, got, on=on, fix=fix, tolerance=tolerance)
        if value.fused:
            one, other = (run(case, 6, dtype=dtype, way=way, weight_decay=0.1) for way in ("loop", "shipped"))
            assert_equal(
                case,
                one,
                other,
                on=f"update_fused with weight_decay=0.1 in {dtype}",
                fix="update_fused takes weight_decay off by itself: params * (1 - learning_rate * d).",
            )


@CHECKS.check
def odd_sizes(case: Case) -> None:
    """Models have weights of one number and, with size 0, of none: an optimizer must not fall over them."""
    for way in _WAYS:
        scalar, vector = weights(shapes=[(), (0, 2)]), weights(shapes=[(1,), (0, 2)])
        for params in (scalar, vector):
            optimizer = in_way(bound(case, params), way)
            for number in range(3):
                grads = gradients(number, shapes=[tuple(param.shape) for param in params])
                try:
                    step(optimizer, params, grads)
                except Exception as error:
                    fail(
                        case,
                        on=f"a weight of shape {tuple(params[0].shape)} and an empty one, {way}",
                        expected="a step",
                        got=f"{type(error).__name__}: {error}",
                        fix="Reductions such as max() fail on empty tensors, and dim=0 on 0-d ones.",
                    )
        assert_equal(
            case,
            vector[0].detach()[0],
            scalar[0].detach(),
            on=f"a weight of shape () against (1,), {way}",
            fix="Let the rule not depend on the number of axes.",
        )


@CHECKS.check
def strides(case: Case) -> None:
    """Transposed and channels-last weights are not contiguous: `view` fails on them, and a copy is updated in vain."""
    expected = run(case, 4)
    for way in _WAYS:
        params = [_strided(param) for param in weights()]
        optimizer = in_way(bound(case, params), way)
        for number in range(4):
            grads = [_strided(grad).detach() for grad in gradients(number)]
            try:
                step(optimizer, params, grads if number % 2 else gradients(number))
            except Exception as error:
                fail(
                    case,
                    on=f"weights that are not contiguous, {way}",
                    expected="a step",
                    got=f"{type(error).__name__}: {error}",
                    fix="Use reshape in place of view, and write into param in place.",
                )
        assert_equal(
            case,
            expected,
            values(params),
            on=f"weights that are not contiguous, {way}",
            fix="Change param itself in place: what reshape or contiguous returns may be a copy.",
        )


@CHECKS.check
def gradient_stays(case: Case) -> None:
    """Who clips, logs or accumulates gradients has them still: changed in place, the next step starts wrong."""
    for way in _WAYS:
        params, before = weights(), gradients(0)
        grads = [grad.clone() for grad in before]
        optimizer = in_way(bound(case, params), way)
        step(optimizer, params, grads)
        step(optimizer, params, grads)
        assert_equal(
            case,
            before,
            grads,
            exact=True,
            on=f"the gradients after a step, {way}",
            fix="Work on a new tensor: grad = grad + x in place of grad.add_(x).",
        )


@CHECKS.check
def without_gradient(case: Case) -> None:
    """A frozen weight has no gradient: it must stay as it is, whatever decay or momentum there is."""
    more = {"weight_decay": 0.1} if is_ours(case) else {}
    params, still = weights(), [1, 2]
    before, optimizer = values(params), bound(case, params, **more)
    held = {place: _state(optimizer, params[place]) for place in still}
    for number in range(2):
        grads: list[Tensor | None] = [None if place in still else grad for place, grad in enumerate(gradients(number))]
        try:
            step(optimizer, params, grads)
        except Exception as error:
            fail(
                case,
                on="some weights have no gradient",
                expected="a step of the others",
                got=f"{type(error).__name__}: {error}",
                fix="Pass by parameters whose gradient is None.",
            )
    for place in still:
        assert_equal(
            case,
            before[place],
            params[place].detach(),
            exact=True,
            on="a weight without a gradient",
            fix="Pass by parameters whose gradient is None.",
        )
        state = _state(optimizer, params[place])
        if state.keys() != held[place].keys():
            fail(
                case,
                on="a weight without a gradient",
                expected="no state",
                got=f"a state with {', '.join(state)}",
                fix="Make state at a parameter's first gradient.",
            )
        assert_equal(
            case,
            held[place],
            state,
            exact=True,
            on="the state of a weight without a gradient",
            fix="Pass by parameters whose gradient is None.",
        )
    if torch.equal(before[0], params[0].detach()):
        fail(
            case,
            on="weights with a gradient, beside some without",
            expected="other weights",
            got="the same",
            fix="Go on with the next parameter where one has no gradient: continue, not return.",
        )


@CHECKS.check
def order(case: Case) -> None:
    """The order of parameters changes when a layer moves in the source; what a weight becomes must not depend on it."""
    expected = run(case, 4)
    for way in _WAYS:
        params = weights()
        optimizer = in_way(bound(case, params[::-1]), way)
        for number in range(4):
            step(optimizer, params[::-1], gradients(number)[::-1])
        assert_equal(
            case,
            expected,
            values(params),
            on=f"the parameters in reverse order, {way}",
            fix="Keep nothing of one parameter for the next: state belongs into `state`.",
        )


@CHECKS.check
def deterministic(case: Case) -> None:
    """Two runs from one seed must agree bit for bit, or no result can be repeated and no two ranks stay equal."""
    torch.manual_seed(1)
    expected = run(case)
    torch.manual_seed(2)
    assert_equal(
        case,
        expected,
        run(case),
        exact=True,
        on="a second run, with another state of torch's generator",
        fix='Take randomness out of the step, or declare:  @ck.known_failure("deterministic", reason).',
    )


@CHECKS.check
def nan_stays(case: Case) -> None:
    """One layer with a NaN gradient must not ruin the others: the fault could not be found any more."""
    for way in _WAYS:
        expected = run(case, 2, way=way)
        got = run(case, 2, way=way, grads=_with_nan)
        assert_equal(
            case,
            expected[1:],
            got[1:],
            on=f"weights beside one whose gradient is NaN, {way}",
            fix="Treat each tensor alone. With elementwise = True, treat each element alone.",
        )


@CHECKS.check
def precision(case: Case) -> None:
    """A step that rounds to float32 on its way makes float64 training a slow float32 training, and nobody is told."""
    params = weights()
    optimizer = in_way(bound(case, params), "loop")
    step(optimizer, params, gradients(0))
    with Coarse() as coarse:
        step(optimizer, params, gradients(1))
    if coarse.found:
        fail(
            case,
            on="float64 weights and gradients",
            expected="no tensor coarser than float64",
            got=f"a coarser dtype at {only(coarse.found)}",
            fix="Leave out .float() and dtype=torch.float32.",
        )


@CHECKS.check
def waits_for_nothing(case: Case) -> None:
    """`.item()`, `float(tensor)` or `if tensor > 0` in a step make the GPU wait at each step, and end compilation."""
    ours_only(case, "a step that never waits for the device")
    for way in ("loop", "shipped"):
        params = weights(torch.float32)
        optimizer = in_way(bound(case, params), way)
        with HostReads() as reads:
            for number in range(2):
                optimizer.apply(gradients(number, torch.float32))
        if reads.found:
            fail(
                case,
                on=f"two steps, {way}",
                expected="no tensor read on the host",
                got=f"a read (.item(), float() or if) at {only(reads.found)}",
                fix="Compute with 0-d tensors; torch.where in place of if.",
            )


@CHECKS.check
def moves_its_weights(case: Case) -> None:
    """A layer, a compiled step and DDP hold the very tensor: exchanged for a new one it is trained, and never seen."""
    for way in _WAYS:
        params = weights()
        optimizer = in_way(bound(case, params), way)
        places = [param.data_ptr() for param in params]
        for number in range(2):
            step(optimizer, params, gradients(number))
        if [param.data_ptr() for param in params] != places:
            fail(
                case,
                on=f"where its weights lie after two steps, {way}",
                expected="where they lay",
                got="elsewhere",
                fix="Write in place: param.copy_(new) or param.sub_(change), not param.data = new.",
            )


def _state(optimizer: Any, param: Any) -> dict[str, Tensor]:
    """Return copies of a parameter's state tensors, but for the count of steps, which all share."""
    known = optimizer.state.get(param, {})
    return {name: one.clone() for name, one in known.items() if isinstance(one, Tensor) and name != "step"}


def _quadratic(dtype: torch.dtype) -> tuple[str, Any, list[Any]]:
    """Return the sum of (w - t)^2 / 2, and weights at some distance from t."""
    targets = [param.detach() for param in weights(dtype, seed=5)]

    def loss(params: list[Any]) -> Tensor:
        return torch.stack([(p - t).square().sum() / 2 for p, t in zip(params, targets, strict=True)]).sum()

    return "a quadratic", loss, weights(dtype)


def _regression(dtype: torch.dtype) -> tuple[str, Any, list[Any]]:
    """Return the mean squared error of a linear model, and its first weights."""
    shapes = [(32, 4), (4, 1), (1,)]
    x, kernel, bias = (param.detach() for param in weights(dtype, seed=9, shapes=shapes))
    y = x @ kernel + bias

    def loss(params: list[Any]) -> Tensor:
        errors: Tensor = x @ params[0] + params[1] - y
        return errors.square().mean()

    return "a regression", loss, weights(dtype, seed=11, shapes=shapes[1:])


def _strided(tensor: Tensor) -> Any:
    """Return equal values that do not lie one after the other: a transposed matrix, every second number of a vector."""
    data = tensor.detach()
    if data.ndim == 2:
        return torch.nn.Parameter(data.t().contiguous().t())
    wide = torch.stack([data, data], dim=-1)
    return torch.nn.Parameter(wide[..., 0])


def _with_nan(number: int) -> list[Tensor]:
    grads = gradients(number)
    return [torch.full_like(grads[0], torch.nan), *grads[1:]]


for _part in (optimizers_settings.CHECKS, optimizers_state.CHECKS, optimizers_training.CHECKS):
    CHECKS.add(_part)
