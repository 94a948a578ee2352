"""Optimizers that are right but for one fault: the kit finds each, by the check that is meant to, and names it."""

import collections
import logging

import pytest
import torch

import corekit as ck
from corekit.testing.case import subject_of
from corekit.testing.kit import checks_for, run
from tests.testing.seeding import Seeds


class Right(ck.Optimizer):
    """Momentum, as it should be written."""

    elementwise = True

    def __init__(self, learning_rate=0.05, momentum=0.5, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.momentum = momentum

    def init(self, param):
        return {"velocity": torch.zeros_like(param)}

    def direction(self, grad, state):
        return state["velocity"].mul_(self.momentum).add_(grad)

    def update(self, param, grad, state, learning_rate):
        param.sub_(learning_rate * self.direction(grad, state))


class RightOfTorch(torch.optim.Optimizer):
    """The same as torch's optimizers are written."""

    def __init__(self, params, lr=0.05, momentum=0.5):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    self.move(param, param.grad, group)

    def move(self, param, grad, group):
        state = self.state[param]
        velocity = state.setdefault("velocity", torch.zeros_like(param)).mul_(group["momentum"]).add_(grad)
        param.sub_(group["lr"] * velocity)


FAULTS = fault = Seeds()


@fault("lowers_a_loss", "a loss below")
class WrongSign(Right):
    def update(self, param, grad, state, learning_rate):
        param.add_(learning_rate * self.direction(grad, state))


@fault("lowers_a_loss", "a loss below")
class MovesACopy(Right):
    def update(self, param, grad, state, learning_rate):
        param = param - learning_rate * self.direction(grad, state)


@fault("rate_zero", "learning_rate=0")
class IgnoresTheRate(Right):
    def update(self, param, grad, state, learning_rate):
        param.sub_(0.01 * self.direction(grad, state))


@fault("rate_is_read", "keep no copy of the rate")
class KeepsTheFirstRate(Right):
    def update(self, param, grad, state, learning_rate):
        self.rate = getattr(self, "rate", learning_rate.clone())
        param.sub_(self.rate * self.direction(grad, state))


@fault("state_follows", "expected: float64")
class StateInFloat32(Right):
    def init(self, param):
        return {"velocity": torch.zeros(param.shape, device=param.device)}


@fault("state_follows", "device (meta)")
class StateOnTheCpu(Right):
    def init(self, param):
        return {"velocity": torch.zeros(param.shape, dtype=param.dtype, device="cpu")}


@fault("state_follows", "weight's shape")
class StateOfAnotherShape(Right):
    elementwise = False

    def init(self, param):
        return {"velocity": torch.zeros_like(param), "rows": param.new_zeros(3)}


class Hidden(Right):
    elementwise = False

    def __init__(self, learning_rate=0.05, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.velocities = {}

    def init(self, param):
        return {}


@fault("resumes", "into a fresh optimizer")
class StateOutsideOfState(Hidden):
    def update(self, param, grad, state, learning_rate):
        velocity = self.velocities.setdefault(param.data_ptr(), torch.zeros_like(param))
        param.sub_(learning_rate * velocity.mul_(0.5).add_(grad))


@fault("copies", "copy by copy.deepcopy")
class StateThatIsNotCopied(Hidden):
    def update(self, param, grad, state, learning_rate):
        velocity = self.velocities.setdefault(id(param), torch.zeros_like(param))
        param.sub_(learning_rate * velocity.mul_(0.5).add_(grad))


@fault("resumes", "the next three")
class CountsInPython(Right):
    calls = 0

    def update(self, param, grad, state, learning_rate):
        self.calls += 1
        param.sub_(learning_rate / self.calls * self.direction(grad, state))


@fault("order", "reverse order")
class OneNumberForAll(Right):
    elementwise = False

    def update(self, param, grad, state, learning_rate):
        self.size = 0.5 * getattr(self, "size", 0.0) + grad.abs().sum()
        param.sub_(learning_rate * self.direction(grad, state) / (1 + self.size))


@fault("nan_stays", "gradient is NaN")
class MeasuresAllTogether(Right):
    def update_many(self, params, grads, states, learning_rate):
        norm = torch.stack([grad.norm() for grad in grads]).norm()
        super().update_many(params, [grad / (1 + norm) for grad in grads], states, learning_rate)


@fault("independent", "second optimizer")
class StateOfTheClass(Right):
    elementwise = False
    shared = {}  # noqa: RUF012 - the fault

    def update(self, param, grad, state, learning_rate):
        velocity = self.shared.setdefault(tuple(param.shape), torch.zeros_like(param))
        param.sub_(learning_rate * velocity.mul_(0.5).add_(grad))


@fault("gradient_stays", "gradients after a step")
class ChangesTheGradient(Right):
    def update(self, param, grad, state, learning_rate):
        param.sub_(learning_rate * self.direction(grad.mul_(0.5), state))


@fault("strides", "not contiguous")
class Views(Right):
    def update(self, param, grad, state, learning_rate):
        param.view(-1).sub_(learning_rate * self.direction(grad, state).view(-1))


@fault("strides", "not contiguous")
class ReshapesToACopy(Right):
    def update(self, param, grad, state, learning_rate):
        param.reshape(-1).sub_(learning_rate * self.direction(grad, state).reshape(-1))


@fault("ways_agree", "flat")
class SaysElementwise(Right):
    def update(self, param, grad, state, learning_rate):
        param.sub_(learning_rate * self.direction(grad, state) / (1 + grad.norm()))


@fault("ways_agree", "many")
class ListsDiffer(Right):
    def update_many(self, params, grads, states, learning_rate):
        torch._foreach_sub_(params, torch._foreach_mul(grads, learning_rate))


@fault("ways_agree", "update_fused with weight_decay")
class FusedForgetsDecay(Right):
    fused = True

    def update_fused(self, params, grads, states, learning_rate, *, step, weight_decay):
        for param, grad, velocity in zip(params, grads, states["velocity"], strict=True):
            param.sub_(learning_rate * velocity.mul_(self.momentum).add_(grad))


@fault("deterministic", "second run")
class Noisy(Right):
    def update(self, param, grad, state, learning_rate):
        param.sub_(learning_rate * (self.direction(grad, state) + 0.01 * torch.randn_like(param)))


@fault("side_effects", "random generator")
class SeedsTorch(Right):
    def update(self, param, grad, state, learning_rate):
        torch.manual_seed(0)
        super().update(param, grad, state, learning_rate)


@fault("waits_for_nothing", "read (.item()")
class Branches(Right):
    def update(self, param, grad, state, learning_rate):
        scale = 0.5 if grad.norm() > 1 else 1.0
        param.sub_(scale * learning_rate * self.direction(grad, state))


@fault("compiles", "graph break")
class Logs(Right):
    def update(self, param, grad, state, learning_rate):
        logging.getLogger("kit").info("a step")
        super().update(param, grad, state, learning_rate)


@fault("odd_sizes", "an empty one")
class TakesAMaximum(Right):
    elementwise = False

    def update(self, param, grad, state, learning_rate):
        param.sub_(learning_rate * self.direction(grad, state) / grad.abs().max())


@fault("without_gradient", "without a gradient")
class FillsGradients(Right):
    def update_from(self, grads):
        params = self.param_groups[0]["params"]
        super().update_from([torch.zeros_like(p) if g is None else g for p, g in zip(params, grads, strict=True)])


@fault("weight_decay", "Take **kwargs")
class TakesNoSettings(Right):
    def __init__(self, learning_rate=0.05, momentum=0.5):
        super().__init__(learning_rate, momentum)


@fault("weight_decay", "weight_decay=0.1")
class DropsTheDecay(Right):
    def __init__(self, learning_rate=0.05, momentum=0.5, weight_decay=None, **kwargs):
        super().__init__(learning_rate, momentum, **kwargs)


@fault("weight_decay", "once")
class DecaysTwice(Right):
    def update(self, param, grad, state, learning_rate):
        param.mul_(1 - learning_rate * (self.weight_decay or 0.0))
        super().update(param, grad, state, learning_rate)


@fault("clipping", "param.grad")
class ReadsParamGrad(Right):
    elementwise = False

    def update(self, param, grad, state, learning_rate):
        super().update(param, grad if param.grad is None else param.grad, state, learning_rate)


@fault("accumulation", "gradient_accumulation_steps=2")
class UpdatesAtEachPass(Right):
    def apply(self, grads, params=None):
        self.update_from(grads)


@fault("averages", "use_ema=True")
class ForgetsAverages(Right):
    def finalize_variable_values(self, trainable_variables=None):
        pass


@fault("config", "argument momentum")
class ConfigLacksAnArgument(Right):
    def get_config(self):
        return {"learning_rate": float(self.learning_rate)}


@fault("counts_steps", "a count of 1")
class CountsTwice(Right):
    def update(self, param, grad, state, learning_rate):
        state["step"].add_(1)
        super().update(param, grad, state, learning_rate)


@fault("precision", "coarser dtype")
class RoundsToFloat32(Right):
    def update(self, param, grad, state, learning_rate):
        super().update(param, grad.float().to(grad.dtype), state, learning_rate)


@fault("moves_its_weights", "elsewhere")
class ReplacesData(Right):
    def update(self, param, grad, state, learning_rate):
        param.data = param - learning_rate * self.direction(grad, state)


@fault("torch_way", "first argument")
class RateIsNotFirst(Right):
    def __init__(self, momentum=0.5, learning_rate=0.05, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.momentum = self.check_number("momentum", momentum)


@fault("data_parallel", "two gloo ranks")
class ReadsTheRank(Right):
    def update(self, param, grad, state, learning_rate):
        if torch.distributed.is_initialized():
            grad = grad * (1 + torch.distributed.get_rank())
        super().update(param, grad, state, learning_rate)


@fault("trains_a_model", "trains_a_model raised")
class NeedsNames(Right):
    def bind(self, params):
        params = list(params)
        if params and isinstance(params[0], tuple):
            raise TypeError("no names, please")
        return super().bind(params)


@fault("state_dict", "deque")
class KeepsAQueue(RightOfTorch):
    def move(self, param, grad, group):
        self.state[param].setdefault("history", collections.deque()).append(1)
        super().move(param, grad, group)


@fault("without_gradient", "gradient is None")
class NeedsEveryGradient(RightOfTorch):
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for param in group["params"]:
                self.move(param, param.grad, group)


@fault("rate_is_read", "keep no copy of the rate")
class ReadsTheRateOnce(RightOfTorch):
    def move(self, param, grad, group):
        group.setdefault("first", float(group["lr"]))
        super().move(param, grad, {**group, "lr": group["first"]})


@fault("resumes", "into a fresh optimizer")
class StateBesideState(RightOfTorch):
    def move(self, param, grad, group):
        self.held = getattr(self, "held", {})
        velocity = self.held.setdefault(param, torch.zeros_like(param)).mul_(0.5).add_(grad)
        param.sub_(group["lr"] * velocity)


@pytest.mark.parametrize("one", FAULTS, ids=str)
def test_fault_is_found_and_named(one, counted, outcome_of):
    count = counted.setdefault("optimizers", [0, 0])
    count[0] += 1

    outcome = outcome_of(one.value, "optimizers", one.check)

    assert outcome.status == "failed", f"{one.check} did not see {one.value.__name__}"
    assert one.word in outcome.message
    count[1] += 1


@pytest.mark.parametrize("cls", [Right, RightOfTorch, torch.optim.SGD, torch.optim.Adam])
def test_right_twin_passes_every_check(cls):
    names = [
        check.name for check in checks_for("optimizers").checks if check.name != "import_budget"
    ]  # this file's own

    outcomes = run([subject_of(cls, "optimizers")], names)

    assert [(one.check, one.message) for one in outcomes if one.status == "failed"] == []
