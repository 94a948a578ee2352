"""How good a component is, computed from what came of its checks; nobody declares it.

A tier is reached where no check of it or of a lower one failed, a declared failure included. Checks that do not apply
do not stand in the way; those that were not run do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

TIERS = ("works", "trains", "lasts", "complete")
"""From the lowest to the highest."""

NONE = "-"

_LATER = {
    "trains": (
        "gradients", "inference_gradients", "all_weights_learn", "weights_stay", "nan_passes",
        "lowers_a_loss", "trains_a_model", "clipping", "accumulation", "averages", "weight_decay",
    ),
    "lasts": ("config", "base_arguments", "file", "state", "state_dict", "resumes", "pickles", "copies"),
    "complete": (
        "second_gradients", "compiles", "exports", "distributes", "data_parallel", "autocast", "policies", "devices",
        "import_budget", "waits_for_nothing", "opcheck", "fake_shapes", "vmaps", "in_a_model",
    ),
}  # fmt: skip
"""The checks of each tier; "works" is all others."""

TIER_OF: Mapping[str, str] = {check: tier for tier, checks in _LATER.items() for check in checks}


def tier(outcomes: Iterable[Mapping[str, Any]]) -> str:
    """Return the tier of one component from all its outcomes; "-" where it does not work or nothing ran.

    Example:
        >>> passed = {"check": "shapes", "status": "passed"}
        >>> tier([passed, {"check": "config", "status": "failed"}, {"check": "enough", "status": "passed"}])
        'trains'
    """
    found = list(outcomes)
    ran = any(one["status"] == "passed" and one["check"] != "enough" for one in found)
    if not ran or not any(one["check"] == "enough" for one in found):  # or the run did not come to its end
        return NONE
    lacking = [TIER_OF.get(one["check"], TIERS[0]) for one in found if one["status"] in ("failed", "expected")]
    reached = min((TIERS.index(one) for one in lacking), default=len(TIERS))
    return TIERS[reached - 1] if reached else NONE


def least(tiers: Iterable[str]) -> str:
    """Return the tier that all have.

    Example:
        >>> least(["complete", "trains"]), least(["complete", "-"]), least([])
        ('trains', '-', '-')
    """
    found = [TIERS.index(one) if one in TIERS else -1 for one in tiers]
    lowest = min(found, default=-1)
    return NONE if lowest < 0 else TIERS[lowest]
