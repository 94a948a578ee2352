"""What the processes of one training must have in common."""

from __future__ import annotations

import torch.distributed as dist

from corekit.errors import StateError
from corekit.registry import registry
from corekit.registry.state import difference, digest, state


def check_same_plugins() -> None:
    """Compare the plugins of all ranks, where `torch.distributed` is initialised; else do nothing.

    Raises:
        StateError: another rank has other plugins, versions or decisions; on every rank, with the difference.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return
    mine, ranks = state(registry), dist.get_world_size()
    digests = [""] * ranks
    dist.all_gather_object(digests, digest(mine))
    if len(set(digests)) == 1:
        return
    every: list[list[str]] = [[]] * ranks
    dist.all_gather_object(every, mine)
    for rank, other in enumerate(every):
        if told := difference(every[0], other, "rank 0", f"rank {rank}"):
            raise StateError(
                f"the ranks of this training do not have the same plugins: {told}.\n"
                "  Install the same versions everywhere, and switch off the same ones."
            )
