"""Checks whose numbers are drawn: hypothesis tries some, and finds the smallest that fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corekit.testing.kit import Failure

EXAMPLES = 12


def for_all(test: Callable[..., None], **ranges: tuple[int, int]) -> None:
    """Call a test with drawn whole numbers, the same ones each time; raise what it raised for the smallest.

    Args:
        test: raises where something is wrong.
        ranges: of each argument the least and the largest number.

    Raises:
        Failure: hypothesis is missing.

    Example:
        >>> seen = []
        >>> for_all(lambda size: seen.append(size), size=(1, 3))
        >>> set(seen)
        {1, 2, 3}
    """
    try:
        import hypothesis
        from hypothesis import strategies
    except ImportError as error:
        raise Failure('Sizes are drawn by hypothesis, which is missing:  pip install "corekit[testing]"') from error
    numbers: dict[str, Any] = {name: strategies.integers(low, high) for name, (low, high) in ranges.items()}
    quiet = hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
    )

    def drawn(**values: int) -> None:
        test(**values)

    quiet(hypothesis.given(**numbers)(drawn))()
