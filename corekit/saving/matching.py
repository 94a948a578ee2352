"""Weights of a model against the arrays of a file: what fits, what does not, and only then copying."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from corekit.errors import LoadError
from corekit.protocols.dtype import dtype_name

_SHOWN = 8  # names of each sort in a message


class Stored(Protocol):
    """An array of a file."""

    @property
    def dtype(self) -> str:
        """Its dtype by torch's name."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape, as the model's weight should have it."""

    def tensor(self) -> Tensor:
        """Return the numbers."""


@dataclass(frozen=True)
class Match:
    """How the weights of a model and those of a file fit together; all names sorted.

    Args:
        matched: names of the model's weights that the file has, too.
        missing: names of the model's weights that it has not.
        surplus: what the file has and the model has not, as the file calls it.
        differing: (name, the model's dtype and shape, the file's).
    """

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    surplus: tuple[str, ...]
    differing: tuple[tuple[str, str, str], ...]

    @property
    def is_whole(self) -> bool:
        """Whether every weight of either side has its twin."""
        return not (self.missing or self.surplus or self.differing)

    def __str__(self) -> str:
        total = len(self.matched) + len(self.missing) + len(self.differing)
        lines = [f"{len(self.matched)} of the model's {total} weights match"]
        differing = [f"{name!r}: {mine} in the model, {theirs} in the file" for name, mine, theirs in self.differing]
        for label, found in (
            ("missing in the file", [repr(name) for name in self.missing]),
            ("not in the model", [repr(name) for name in self.surplus]),
            ("other shape or dtype", differing),
        ):
            if found:
                more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
                lines.append(f"  {label} ({len(found)}): {'; '.join(found[:_SHOWN])}{more}")
        return "\n".join(lines)


def compare(weights: Mapping[str, Tensor], found: Mapping[str, Stored], places: Mapping[str, str]) -> Match:
    """Compare weights with the arrays of a file.

    Args:
        weights: of the model, by name.
        found: the arrays, as the file calls them.
        places: name of a weight -> what the file should call it.
    """
    matched, missing, differing = [], [], []
    for name, weight in weights.items():
        stored = found.get(places.get(name, ""))
        if stored is None:
            missing.append(name)
        elif tuple(weight.shape) != stored.shape or not _same_sort(weight.dtype, stored.dtype):
            mine = f"{dtype_name(weight.dtype)} {tuple(weight.shape)}"
            differing.append((name, mine, f"{stored.dtype} {stored.shape}"))
        else:
            matched.append(name)
    surplus = found.keys() - {places.get(name) for name in weights}
    return Match(tuple(sorted(matched)), tuple(sorted(missing)), tuple(sorted(surplus)), tuple(sorted(differing)))


def _same_sort(mine: torch.dtype, theirs: str) -> bool:
    dtype: Any = getattr(torch, theirs, None)
    return mine == dtype or (isinstance(dtype, torch.dtype) and mine.is_floating_point and dtype.is_floating_point)


def copy_in(
    weights: Mapping[str, Tensor], found: Mapping[str, Stored], places: Mapping[str, str], match: Match
) -> None:
    """Copy what matches into the weights; a floating-point number becomes the weight's dtype."""
    with torch.no_grad():
        for name in match.matched:
            weights[name].copy_(found[places[name]].tensor())


def require_whole(match: Match, where: str, hint: str = "") -> None:
    """Refuse a file that does not fit.

    Raises:
        LoadError: code "weights-differ".
    """
    if not match.is_whole:
        raise LoadError(f"{where} does not fit the model: {match}\n  Nothing was changed.{hint}", code="weights-differ")
