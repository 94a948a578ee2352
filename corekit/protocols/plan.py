"""How an optimizer makes its steps: units, step counts, sums of gradients, averages of weights.

Everything that changes from step to step is a 0-d tensor on its parameters' device. Where nobody traces, those on the
CPU are read and counted as plain numbers, because 0.1 us is less than the 2 of a tensor operation; they stay the one
place where the number is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from corekit.protocols.accumulation import Accumulation
from corekit.protocols.averaging import Averages
from corekit.protocols.rates import exact, place_rates, set_rates
from corekit.protocols.refining import refine, unscale
from corekit.protocols.tracing import is_traced
from corekit.protocols.units import Unit, Way, partition


class Plan:
    """What one optimizer knows of its parameters, and the order of work in a step.

    Args:
        optimizer: a `corekit.Optimizer`; its settings are read at each step.
    """

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        self.accumulation, self.averages = Accumulation(), Averages()
        self._units: list[Unit] | None = None
        self._has_grad: list[bool] = []
        self._steps: dict[torch.device, Tensor] = {}  # the count of updates, once for each device
        self._placed: list[Tensor] = []  # each group's rate, where it was put
        self._memory: dict[int, Any] = {}  # of the rates and counts on the CPU, by id: the host reads and writes there

    @property
    def iterations(self) -> Tensor:
        """How many updates were made."""
        for step in self._steps.values():
            return step
        counts = (state["step"] for state in self.optimizer.state.values() if "step" in state)
        return next(counts, torch.zeros((), dtype=torch.float64))

    def forget(self, *, counts: bool = False) -> None:
        """Make units, and with `counts` step counts, anew at the next step: parameters or states were exchanged."""
        self._units = None
        if counts:
            self._steps.clear()

    def prepare(
        self, params: list[Tensor], has_grad: Sequence[bool] | None, kind: Callable[[Tensor], tuple[bool, Way]]
    ) -> None:
        """Make units and states for the parameters that will have a gradient (default: all that require one)."""
        mine = self.optimizer
        self._has_grad = [bool(has) for has in has_grad or [param.requires_grad for param in params]]
        self._units = partition(mine.param_groups, self._has_grad, kind)
        for unit in self._units:
            unit.make_states(mine.init, mine.state, self._step_on(unit.params[0].device))
        trained = [p if has or p.requires_grad else None for p, has in zip(params, self._has_grad, strict=True)]
        if mine.gradient_accumulation_steps:
            self.accumulation.prepare(trained, mine.state)
        if mine.use_ema:
            self.averages.prepare([param for param in trained if param is not None], mine.state, self._step_on)
        self._place_rates()

    def collect(self, grads: Sequence[Tensor | None]) -> None:
        """Add the gradients of a pass that is not due to those before it."""
        is_readable = not is_traced()
        self._ready(grads, is_readable)
        self.accumulation.add(*unscale(grads, self.optimizer.loss_scale_factor))
        if self.optimizer.use_ema:  # Keras averages after each pass
            self._average(is_readable, before=0)

    def update(self, grads: Sequence[Tensor | None]) -> None:
        """Make an update from the gradients of this pass, and those collected before it."""
        mine, is_readable = self.optimizer, not is_traced()
        units = self._ready(grads, is_readable)
        grads = refine(grads, mine, self.accumulation)
        for group, placed in zip(mine.param_groups, self._placed, strict=True):
            if group["lr"] is not placed:  # torch's idiom writes numbers there
                self._place_rates()
                break
        for step in self._steps.values():
            if is_readable and id(step) in self._memory:
                self._memory[id(step)][()] += 1
            else:
                torch._foreach_add_([step], 1)  # see `set_rates`
        if mine._schedule is not None:
            set_rates(mine.param_groups, mine._schedule(self.iterations * (mine.gradient_accumulation_steps or 1) - 1))
        for unit in units:
            self._update_unit(unit, [grads[position] for position in unit.positions], is_readable)
        if mine.gradient_accumulation_steps:
            self.accumulation.clear()
        if mine.use_ema:
            self._average(is_readable, before=1)

    def _update_unit(self, unit: Unit, grads: list[Any], is_readable: bool) -> None:
        mine = self.optimizer
        if unit.way != "fused":
            unit.update(grads, mine.update_many, mine.weight_decay)
            return
        rate, step, params, share = unit.group["lr"], unit.step, unit.params, unit.share(mine.weight_decay)
        grads = unit.aligned(grads, is_readable)
        if is_readable:
            params = unit.aliases or params
            if id(rate) in self._memory and id(step) in self._memory:
                rate, step = self._memory[id(rate)][()], self._memory[id(step)][()]
        mine.update_fused(params, grads, unit.columns, rate, step=step, weight_decay=share)

    def _ready(self, grads: Sequence[Tensor | None], is_readable: bool) -> list[Unit]:
        """Return the units for the gradients that are there, with parameters and states where these are."""
        has_grad = [grad is not None for grad in grads]
        if self._units is None or has_grad != self._has_grad:
            self.optimizer.prepare(has_grad)
        for unit in self._units or ():
            if not unit.is_where(grads, is_readable):
                self.optimizer.prepare(has_grad)
                break
        return self._units or []

    def _place_rates(self) -> None:
        """Bring the rates to their parameters, and note where the host finds its own numbers."""
        place_rates(self.optimizer.param_groups)
        self._placed = [group["lr"] for group in self.optimizer.param_groups]
        numbers = [] if is_traced() else [n for n in (*self._steps.values(), *self._placed) if n.is_cpu]
        self._memory = {id(number): memoryview(number.detach().numpy().data) for number in numbers}

    def _average(self, is_readable: bool, before: int) -> None:
        self.averages.update(
            before=before,
            is_readable=is_readable,
            momentum=self.optimizer.ema_momentum,
            overwrite_frequency=self.optimizer.ema_overwrite_frequency,
        )

    def _step_on(self, device: torch.device) -> Tensor:
        if device not in self._steps:
            self._steps[device] = self.iterations.to(device, exact(device)).clone()
        return self._steps[device]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_units": None, "_memory": {}}  # `prepare` makes them anew
