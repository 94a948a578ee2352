"""Which versions of torch have private functions that are known to be as we call them; elsewhere the public ones do."""

import torch

TESTED = ((2, 11), (2, 14))  # from, to


def is_tested() -> bool:
    """Return whether this torch is one of them."""
    release = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    return TESTED[0] <= release < TESTED[1]
