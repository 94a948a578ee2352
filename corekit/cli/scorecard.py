"""The card of a run of the conformance kit: counts for people, and the same and all outcomes as data for programs."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from typing import Any

from corekit import __version__
from corekit.cli.listing import WIDTH
from corekit.cli.tiers import NONE, TIER_OF, TIERS, least, tier
from corekit.cli.trial import Trial

COUNTS = ("passed", "skipped", "failed", "expected")
SKIPS_SHOWN = 8
NARROW = 80
"""Columns below which only what matters most has one of its own."""


def as_data(found: Trial, *, is_whole: bool) -> dict[str, Any]:
    """Return what came of a run; tiers only where all checks were meant to run."""
    components = []
    for kind, component in found.components:
        outcomes = found.of((kind, component))
        counts = Counter(one["status"] for one in outcomes if not _is_the_count(one))
        components.append(
            {
                "kind": kind,
                "id": component,
                "name": component.rpartition(":")[2],
                "ran": sum(counts[status] for status in ("passed", "failed", "expected")),
                **{status: counts[status] for status in COUNTS},
                "seconds": round(sum(one["seconds"] for one in outcomes), 3),
                "tier": tier(outcomes) if is_whole else None,
            }
        )
    return {
        "distribution": found.distribution,
        "version": found.version,
        "corekit": __version__,
        "torch": found.torch,
        "tier": least(one["tier"] for one in components) if is_whole else None,
        "components": components,
        "outcomes": found.outcomes,
    }


def _is_the_count(outcome: dict[str, Any]) -> bool:
    """Return whether it only says that enough checks ran, and they did."""
    return bool(outcome["check"] == "enough" and outcome["status"] == "passed")


def show(card: dict[str, Any]) -> None:
    """Print a card: what failed and why it matters stands last, where the eye is."""
    # rich costs more start-up than all else here, and only this needs it
    from rich.console import Console
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False, soft_wrap=False)
    console.print(_table(card, is_narrow=console.width < NARROW))
    for text in (_skipped(card), _expected(card)):
        if text:
            console.print(Text("\n" + text, style="dim"))
    for one in card["outcomes"]:
        if one["status"] == "failed":
            console.print(_failure(one))
    console.print(Text("\n" + _summary(card), style="bold red" if _count(card, "failed") else "bold green"))
    if card["tier"] is not None:
        console.print(Text(_tier_line(card)))


def _table(card: dict[str, Any], *, is_narrow: bool) -> Any:
    from rich.table import Table
    from rich.text import Text

    title = f"{card['distribution']} {card['version']}  (corekit {card['corekit']}, torch {card['torch']})"
    table = Table(title=Text(title), title_justify="left", box=None, header_style="dim", pad_edge=False)
    if not is_narrow:
        table.add_column("kind")
    table.add_column("component", overflow="fold")
    for heading in (
        ("ran", "skip", "fail", "exp.") if is_narrow else ("ran", "skipped", "failed", "expected", "seconds")
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    if card["tier"] is not None:
        table.add_column("tier", no_wrap=True)
    for one in card["components"]:
        # Text, not str: a stranger's name must not be read as markup
        row = [*([] if is_narrow else [Text(one["kind"])]), Text(one["name"]), Text(str(one["ran"]))]
        row += [Text(str(one["skipped"] or "-"))]
        row += [Text(str(one["failed"] or "-"), style="bold red" if one["failed"] else "")]
        row += [Text(str(one["expected"] or "-")), *([] if is_narrow else [Text(f"{one['seconds']:.1f}")])]
        table.add_row(*row, *([Text(one["tier"])] if one["tier"] else []))
    return table


def _skipped(card: dict[str, Any]) -> str:
    reasons = Counter(one["message"] for one in card["outcomes"] if one["status"] == "skipped")
    if not reasons:
        return ""
    lines = [f"  {count:>4}  {reason}" for reason, count in reasons.most_common(SKIPS_SHOWN)]
    if len(reasons) > SKIPS_SHOWN:
        lines.append(f"        and {len(reasons) - SKIPS_SHOWN} more reasons; --json has them all")
    return "\n".join(["Skipped, because", *lines])


def _expected(card: dict[str, Any]) -> str:
    found = [one for one in card["outcomes"] if one["status"] == "expected"]
    lines = [f"  {_name(one)}: {one['check']}: {one['message']}" for one in found]
    return "\n".join(["Failures that are declared", *lines]) if lines else ""


def _failure(one: dict[str, Any]) -> Any:
    from rich.text import Text

    text = Text(f"\n{_name(one)}: {one['check']}\n", style="bold red")
    text.append(textwrap.indent(one["message"], "  "), style="not bold default")
    if one["story"]:
        text.append("\n" + textwrap.indent(one["story"].rstrip(), "    "), style="not bold dim default")
    if one["why"]:
        why = textwrap.fill(f"Why it matters: {' '.join(one['why'].split())}", 100, subsequent_indent="  ")
        text.append("\n" + textwrap.indent(why, "  "), style="not bold italic default")
    return text


def _name(outcome: dict[str, Any]) -> str:
    return f"{outcome['kind']} {outcome['component'].rpartition(':')[2]}"


def _count(card: dict[str, Any], status: str) -> int:
    return sum(one[status] for one in card["components"])


def _summary(card: dict[str, Any]) -> str:
    components, ran = len(card["components"]), sum(one["ran"] for one in card["components"])
    counts = [f"{_count(card, status)} {status}" for status in COUNTS if _count(card, status) or status == "failed"]
    seconds = sum(one["seconds"] for one in card["components"])
    plural = "" if components == 1 else "s"
    return f"{components} component{plural}, {ran} checks in {seconds:.1f} s: {', '.join(counts)}"


def _tier_line(card: dict[str, Any]) -> str:
    """Return the tier of the whole, and what keeps it from the next one."""
    reached = card["tier"]
    if reached == TIERS[-1]:
        return f"tier: {reached}, the highest"
    above = TIERS[0] if reached == NONE else TIERS[TIERS.index(reached) + 1]
    in_the_way = [
        f"{_name(one)}: {one['check']}"
        for one in card["outcomes"]
        if one["status"] in ("failed", "expected") and TIER_OF.get(one["check"], TIERS[0]) == above
    ] or [f"{one['kind']} {one['name']}: not checked" for one in card["components"] if one["tier"] == NONE]
    more = f" and {len(in_the_way) - 3} more" if len(in_the_way) > 3 else ""
    return f'tier: {reached}; in the way of "{above}": {", ".join(in_the_way[:3])}{more}'
