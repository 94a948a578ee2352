"""Looks at one plugin for `corekit doctor`: at its metadata and files here, at its code in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from typing import Any, NamedTuple

from corekit.cli import child
from corekit.registry import registry
from corekit.registry.contents import contents
from corekit.registry.looking import Found

SLOW = 1000.0
"""Milliseconds beyond corekit's and torch's own that an import may take before it is mentioned."""

SHOWN = 60


class Diagnosis(NamedTuple):
    """How a plugin is.

    Args:
        distribution: its canonical name.
        version: of it.
        verdict: "ok"; "disabled"; "incompatible" or "broken", where something of it cannot be used; else "warning".
        findings: what is wrong, a sentence each.
        ms: milliseconds that importing it took; None where that was not tried, or did not end.
        broken: what of it cannot be used, as "layers Norm".
    """

    distribution: str
    version: str
    verdict: str
    findings: list[str]
    ms: float | None = None
    broken: tuple[str, ...] = ()


def diagnose(distribution: str, place: Found | None, timeout: float) -> Diagnosis:
    """Look at a plugin.

    Args:
        distribution: canonical name.
        place: where it lies; None where its metadata could not be read.
        timeout: seconds that its imports may take.
    """
    mine = [component for component in registry.components() if component.distribution == distribution]
    told = [problem for problem in registry.problems() if problem.distribution == distribution]
    versions = [component.version for component in mine] + [problem.version for problem in told]
    version = next(iter(versions), "")
    findings = [problem.message for problem in told] + changed_files(place)
    if mine and all(registry.refusal(component) for component in mine):
        return Diagnosis(distribution, version, "disabled", [*findings, f"{registry.refusal(mine[0])}."])
    if lack := registry.lack(distribution):
        return Diagnosis(distribution, version, "incompatible", [*findings, lack])
    if not (mine or distribution in registry.pending_hooks()):
        return Diagnosis(distribution, version, "broken", findings or ["it offers nothing that can be used."])
    broken, noted, ms = _probed(distribution, timeout)
    verdict = "broken" if broken else "warning" if findings or noted else "ok"
    return Diagnosis(distribution, version, verdict, [*findings, *broken.values(), *noted], ms, tuple(broken))


def stale_copies(plugin: Found) -> list[str]:
    """Return the folders of metadata that installers left beside the one of the same plugin that Python uses."""
    return [copy for copy in plugin.copies if os.path.dirname(copy) == os.path.dirname(plugin.where)]


def changed_files(plugin: Found | None) -> list[str]:
    """Return, in a sentence, which files of a plugin are not as its RECORD says that they were installed."""
    wrong = contents(plugin.where, ()).changed if plugin is not None else ()
    if plugin is None or not wrong:
        return []
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return [f"its file {wrong[0]}{more} is not as it was installed:  pip install --force-reinstall {plugin.name}"]


def _probed(distribution: str, timeout: float) -> tuple[dict[str, str], list[str], float | None]:
    """Return what cannot be used and why, what else is wrong, and how long the imports took."""
    facts, noise, end = _run(distribution, timeout)
    errors = {fact["end"]: f"{fact['end']} cannot be loaded ({fact['error']})." for fact in facts if fact.get("error")}
    if end:
        begun = next((fact["begin"] for fact in reversed(facts) if "begin" in fact), "corekit")
        return {**errors, begun: f"it {end} while {begun} was imported."}, [], None
    noted = [f"importing it {effect}." for effect in facts[-1]["effects"]] + facts[-1]["complaints"]
    if noise:
        noted.append(f"importing it prints {noise[:SHOWN]!r}{' ...' if len(noise) > SHOWN else ''}.")
    ms = sum(fact["ms"] for fact in facts if "ms" in fact)
    if ms > SLOW:
        noted.append(f"importing it takes {ms / 1000:.1f} s.")
    if offered := facts[-1]["offered"]:
        again, _, _ = _run(distribution, timeout, RANK="1", PYTHONHASHSEED="1")
        if not again or again[-1].get("offered") != offered:
            noted.append("its hooks add other components in another process, so ranks and workers would differ.")
    return errors, noted, ms


def _run(distribution: str, timeout: float, **variables: str) -> tuple[list[dict[str, Any]], str, str]:
    """Return what the probe told, what was printed, and how it ended; "" if it came to its end."""
    with tempfile.TemporaryDirectory(prefix="corekit-") as folder:
        report, printed = os.path.join(folder, "report"), os.path.join(folder, "printed")
        command = [sys.executable, "-m", "corekit.testing.probe", distribution, report]
        with open(printed, "wb") as output:
            ended = child.run(command, timeout=timeout, env={**os.environ, "RANK": "0", **variables}, output=output)
        with open(printed, encoding="utf-8", errors="replace") as file:
            noise = file.read()
        facts = _told(report)
    if facts and "effects" in facts[-1]:
        return facts, noise, ""
    if ended is None:
        return facts, noise, f"did not end within {timeout:g} s"
    if ended.code < 0:
        return facts, noise, f"crashed the process ({signal.Signals(-ended.code).name})"
    return facts, noise, f"ended the process (exit code {ended.code})"


def _told(report: str) -> list[dict[str, Any]]:
    try:
        with open(report, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]
    except OSError:
        return []
