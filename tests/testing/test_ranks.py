import sys

import pytest
import torch

from corekit.testing import ranks

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the pair talks over pipes, which Windows cannot wait for"),
    pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo"),
]


def linear(**other):
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 2)
    state = {f"module.{name}": value for name, value in layer.state_dict().items()}
    inputs = [(torch.ones(2, 3),), (torch.zeros(2, 3),)]
    place = ("torch.nn", "", "Linear")
    arguments = {"in_features": 3, "out_features": 2}
    return {"place": place, "name": "Linear", "arguments": arguments, "inputs": inputs, "state": state, **other}


def test_ranks_average_their_gradients():
    one, other = ranks.ask(linear())

    assert torch.equal(one["gradients"]["module.weight"], other["gradients"]["module.weight"])
    torch.testing.assert_close(one["gradients"]["module.weight"][0], torch.full((3,), 1.25))  # (2.5 * 1 + 2.5 * 0) / 2


def test_error_is_told_and_the_next_question_answered():
    replies = ranks.ask(linear(arguments={"in_features": 3}))

    assert all("out_features" in reply["error"] for reply in replies)
    assert "gradients" in ranks.ask(linear())[0]
    ranks.end()
