"""Functions under the compiler: a break and a second compilation are failures in words."""

import pytest
import torch

from corekit.protocols.example import Example
from corekit.testing.case import Case, Subject
from corekit.testing.compiling import compiled
from corekit.testing.kit import Failure

CASE = Case(Subject("ops", "local:op", None, ()), Example())


def test_function_without_a_break_runs():
    with compiled(CASE, lambda x: x * 2) as call:
        assert [float(call(torch.tensor(float(number)))) for number in range(4)] == [0.0, 2.0, 4.0, 6.0]


def test_break_is_told():
    def branching(x):
        return x if x.sum() > 0 else -x

    with pytest.raises(Failure, match="graph break"), compiled(CASE, branching) as call:
        call(torch.ones(2))


def test_compiling_anew_is_told():
    words = ["a", "b", "c", "d", "e"]

    class Changing:
        word = ""

        def __call__(self, x):
            return x * len(self.word + "!") if self.word != "c" else x

    changing = Changing()

    def use():
        with compiled(CASE, lambda x: changing(x)) as call:
            for changing.word in words:
                call(torch.ones(2))

    with pytest.raises(Failure, match="compiled anew"):
        use()
