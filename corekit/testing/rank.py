"""One of the two processes in which `ranks` runs torch's DistributedDataParallel.

    python -m corekit.testing.rank RANK FOLDER

It reads requests from stdin and writes what came of them to stdout, pickled; both are the other end of our own pipes.
"""

from __future__ import annotations

import datetime
import os
import pickle
import sys
import warnings
from typing import Any

import torch
from torch import Tensor, distributed
from torch.nn.parallel import DistributedDataParallel

from corekit.model.wrap import layer_class
from corekit.testing.case import leaves
from corekit.testing.importable import Place, imported

WAIT = 60.0


def per_sample(outputs: list[Tensor]) -> Tensor:
    """Return the mean over the batch of a weighted sum of each sample's outputs."""
    sums = []
    for one in outputs:
        if one.is_floating_point():
            weights = 1.5 + torch.cos(torch.arange(one[0].numel())).to(one.dtype)
            sums.append((one.flatten(1) * weights).sum() / one.shape[0] if one.dim() > 1 else one.mean())
    return torch.stack(sums).sum()


def answer(request: dict[str, Any], rank: int) -> dict[str, Any]:
    """Return the gradients of a layer on this rank's samples, averaged by DDP, and its weights after a step."""
    cls = layer_class(imported(Place(*request["place"])), request["name"])
    torch.manual_seed(0)
    layer = cls(**request["arguments"])
    inputs = request["inputs"][rank]
    layer(*inputs)
    layer.clear_losses()
    layer.load_state_dict(request["state"])
    wrapped = DistributedDataParallel(layer)
    optimizer = torch.optim.SGD([weight for weight in layer.parameters() if weight.requires_grad], lr=0.01)
    result: dict[str, Any] = {}
    for training in (False, True):
        wrapped.train(training)  # type: ignore[no-untyped-call]  # torch's own
        optimizer.zero_grad(set_to_none=True)
        per_sample(leaves(wrapped(*inputs))).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        if not training:
            result["gradients"] = {name: weight.grad for name, weight in layer.named_parameters()}
        optimizer.step()
        layer.clear_losses()
    result["weights"] = {name: weight.detach() for name, weight in layer.named_parameters()}
    return result


def main(rank: int, folder: str) -> None:
    """Answer requests until stdin ends."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a plugin prints is no part of the answer
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    meet = f"file://{folder}/meet"
    limit = datetime.timedelta(seconds=WAIT)
    distributed.init_process_group("gloo", init_method=meet, rank=rank, world_size=2, timeout=limit)
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            break
        try:
            reply = answer(request, rank)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
        pickle.dump(reply, replies)
        replies.flush()
    os._exit(0)  # a rank that waits for the other one does not end by itself


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
