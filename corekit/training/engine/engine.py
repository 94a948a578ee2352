"""Runs the steps of a training, eagerly, by one compiled graph or on CUDA by a captured one; says which and why."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator
from typing import Any

import torch
from torch import Tensor

from corekit.errors import StateError
from corekit.training.engine import auto, inductor
from corekit.training.engine.capture import CaptureError, Step, first_line
from corekit.training.engine.compiled import CompiledStep, flat, shapes
from corekit.training.engine.cuda_graph import CudaGraphStep

Plan = Generator[None, tuple[Any, bool], None]

CUDA_WARM_UP = 3  # steps of each kind before capture: libraries make their workspaces, the optimizer its state
CUDA_LEAST = 20  # steps for which capturing is worth while


class Engine:
    """The steps of one compiled model.

    A pass is of one of two kinds: it makes an update, or it only collects gradients (gradient accumulation). Each
    kind has a graph of its own. A batch of another size than the first, such as the last one, runs eagerly.

    Args:
        steps: the eager step of each kind, from a batch to nothing: True makes an update, False collects.
        next_kind: tells the kind of the pass that comes now, and counts it.
        wanted: True, False or "auto", as in `Model.compile`.
        device: where the steps run.
        label: what errors call the model.
        state: returns every tensor that a step changes or reads, the batch's apart.
        probe: looks at a batch without training, so that a mistake in the data comes out as itself.
        before_capture: called before the first step is captured or compiled.
        stands_alone: False where Python numbers steer the step, as in torch's own optimizers.
        name: returns the name under which measurements are kept; asked only when they are needed.
    """

    def __init__(
        self,
        steps: dict[bool, Step],
        next_kind: Callable[[], bool],
        wanted: bool | str,
        *,
        device: torch.device,
        label: str,
        probe: Step,
        before_capture: Callable[[], None],
        stands_alone: bool,
        state: Callable[[], list[Tensor]],
        name: Callable[[], str],
    ) -> None:
        self.steps, self.wanted, self.device, self.label = steps, wanted, device, label
        self.name, self._stands_alone = name, stands_alone
        self._probe, self._before_capture = probe, before_capture
        self._state = state
        self._held: list[int] = []
        self.line = "eager: no step was made yet"
        self.fast: dict[bool, Any] = {}
        self._next_kind = next_kind
        self._usual: list[Any] = []
        self._plan: Plan | None = None
        self._is_settled = False
        self._only: Step | None = None
        self._made = 0
        self._left: int | None = None

    def begin(self, left: int | None) -> None:
        """Begin a pass over the data, in a training of which so many steps are left; None where nobody knows."""
        self._left = left
        if self.fast and self._held != list(map(id, self._state())):  # weights or optimizer state were replaced
            self.fast, self._plan, self._is_settled, self._only = {}, None, False, None
        if self._plan is not None:
            return
        if not self._is_settled:
            self._follow(self._first_plan())
        elif any(isinstance(step, CompiledStep) for step in self.fast.values()):
            self._follow(self._check())

    def step(self, batch: Any) -> None:
        """Make one pass over a batch."""
        if self._only is not None:
            self._only(batch)
            return
        kind = self._next_kind()
        self._usual = self._usual or shapes(flat(batch))
        self._made += 1
        if self._left is not None:
            self._left -= 1
        if self._plan is None:
            self.run(batch, kind)
            return
        try:
            self._plan.send((batch, kind))
        except StopIteration:
            self._settle()
        except BaseException:
            self._plan = None
            raise

    def run(self, batch: Any, kind: bool) -> None:
        """Make a pass by the fastest way there is for it."""
        fast = self.fast.get(kind)
        if fast is None or not fast.take(batch):
            self.steps[kind](batch)

    def forget_data(self) -> None:
        """Let go of the data of a training that is over."""
        for step in self.fast.values():
            if isinstance(step, CompiledStep):
                step.forget_data()

    @property
    def left(self) -> int:
        """How many steps are still to come, as far as anybody knows: else as many as were made."""
        return self._made if self._left is None else self._left

    def _follow(self, plan: Plan) -> None:
        self._only = None
        try:
            next(plan)
            self._plan = plan
        except StopIteration:
            self._settle()

    def _settle(self) -> None:
        """Note that the way is chosen; where there is one kind of step, `step` just takes it from now on."""
        self._plan, self._is_settled = None, True
        if len(self.steps) == 1:
            self._only = self._fast_step if self.fast else self.steps[True]

    def _fast_step(self, batch: Any) -> None:
        if not self.fast[True].take(batch):
            self.steps[True](batch)

    def _first_plan(self) -> Plan:
        if self.wanted is False:
            return self._eager("eager: jit_compile=False")
        if self.device.type == "cuda" and self._stands_alone:
            return self._cuda()
        if self.wanted is True:
            return self._forced()
        if not self._stands_alone:
            return self._eager("eager: the optimizer is torch's, which steps from Python")
        if self.device.type == "cpu":
            return auto.plan(self)
        return self._eager(f"eager: nothing faster is known for {self.device.type}")

    def _eager(self, line: str) -> Plan:
        self.line = line
        self.run(*(yield))

    def _forced(self) -> Plan:
        """Compile each kind of step at its first batch."""
        self.line = "compiled: jit_compile=True"
        while len(self.fast) < len(self.steps):
            batch, kind = yield
            if kind in self.fast:
                self.run(batch, kind)
                continue
            step = self.capture(batch, kind)
            if not self.compile(step):
                self.fast.clear()
                return
            self.fast[kind] = step
        if not (yield from self.checked()):
            for step in self.fast.values():
                self._guard(step)

    def compile(self, step: CompiledStep) -> bool:
        """Compile a captured step; return False, and say why, where the compiler cannot."""
        if not (self._stands_alone and step.is_closed):
            self._guard(step)
            return True
        try:
            step.load()
        except inductor.CompilerError as error:
            self.tell(error)
            return False
        return True

    def _guard(self, step: CompiledStep) -> None:
        self.line = "compiled: jit_compile=True; under guards, since its graph needs Python around it"
        step.guard()

    def capture(self, batch: Any, kind: bool) -> CompiledStep:
        """Return the step as a graph, made with this batch's step.

        Raises:
            StateError: it cannot be one graph; the first line says where it breaks.
        """
        if self._held != list(map(id, self._state())):  # not for each kind: it makes new state
            self._before_capture()
            self._held = list(map(id, self._state()))
        try:
            return CompiledStep(self.steps[kind], batch)
        except CaptureError as error:
            self._probe(batch)
            raise StateError(
                f'jit_compile=True: torch cannot compile the step of "{self.label}": {error}\n'
                "  compile(..., jit_compile=False) trains without a compiler. This step changed nothing."
            ) from error

    def is_usual(self, batch: Any) -> bool:
        """Return whether a batch is like the first one; a last, smaller one is not."""
        return shapes(flat(batch)) == self._usual

    def tell(self, error: object) -> None:
        """Say, once in a process, why a compiler that was wanted is of no use."""
        self.line = f"eager: {error}"
        warnings.warn(f"{error}. Training goes on without the compiler.", stacklevel=2)

    def _check(self) -> Plan:
        """Look at the guards, and begin anew where a layer's attribute has changed since the graph was made."""
        if not (yield from self.checked()):
            self.fast.clear()
            yield from self._first_plan()

    def checked(self) -> Generator[None, tuple[Any, bool], bool]:
        """Make the next step of each kind under guards; return whether all graphs hold."""
        unchecked = {kind for kind, step in self.fast.items() if isinstance(step, CompiledStep)}
        while unchecked:
            batch, kind = yield
            if kind not in unchecked or not self.fast[kind].fits(batch):
                self.run(batch, kind)
                continue
            unchecked.discard(kind)
            if not self.fast[kind].check(batch):
                return False
        return True

    def _cuda(self) -> Plan:
        """Capture each kind of step after a few real ones on a stream apart."""
        steps, made = dict(self.steps), dict.fromkeys(self.steps, 0)
        self.line = f"eager: {self.left + 1} steps are too few to capture a CUDA graph"
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch has no types here
        while len(self.fast) < len(steps):
            batch, kind = yield
            if self.left < CUDA_LEAST or kind in self.fast:
                self.run(batch, kind)
            elif made[kind] < CUDA_WARM_UP:
                stream.wait_stream(torch.cuda.current_stream())
                with torch.cuda.stream(stream):
                    if self.wanted is True and not made[kind]:
                        captured = self.capture(batch, kind)
                        steps[kind] = captured.take if self.compile(captured) else steps[kind]
                    else:
                        steps[kind](batch)
                torch.cuda.current_stream().wait_stream(stream)
                made[kind] += 1
            elif not self._capture_cuda(steps[kind], batch, kind):
                return
        self.line = f"CUDA graph of the {'compiled' if self.wanted is True else 'eager'} step"

    def _capture_cuda(self, step: Step, batch: Any, kind: bool) -> bool:
        """Capture a kind of step and make this batch's; return whether that was possible."""
        self._held = list(map(id, self._state()))
        try:
            self.fast[kind] = CudaGraphStep(step, batch)
        except RuntimeError as error:
            self.line = f"eager: the step cannot be captured as a CUDA graph: {first_line(error)}"
            self.fast.clear()
        self.run(batch, kind)
        return bool(self.fast)
