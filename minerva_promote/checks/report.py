"""Results of checks as steps and verdicts, and the list of the declared checks as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from minerva_promote.checks.threshold_report import describe_thresholds
from minerva_promote.config.models.project import Stage
from minerva_promote.results import Outcome, StepResult
from minerva_promote.text_format import counted

if TYPE_CHECKING:
    from minerva_promote.config.models.project import LocatedCheck
    from minerva_promote.exportfile.validation import Validation

LIST_VERSION = 1  # of the JSON that --list prints


def check_verdict(outcomes: Sequence[Outcome]) -> str:
    """The last line, over the checks that were not skipped: "gate closed: 2 of 18 checks failed"."""
    if not outcomes:
        return "gate closed: nothing was checked"
    checks = counted(len(outcomes), "checks")
    failed = sum(outcome.closes_gate for outcome in outcomes)
    warned = sum(outcome is Outcome.WARN for outcome in outcomes)
    if failed:
        return f"gate closed: {failed} of {checks} failed"
    return f"gate open: {checks} passed" + (f", {warned} with a warning" if warned else "")


def record_verdict(steps: Sequence[StepResult]) -> str:
    """The last line of `promote golden record`; a step that closes the gate says why nothing was written."""
    if any(step.outcome.closes_gate for step in steps):
        return "nothing was recorded"
    return f"recorded: keep {steps[-1].name} in the repository"


def refused_file_step(path: Path, validation: Validation) -> StepResult:
    """The step of an export file that the checks cannot be about, as it was refused."""
    return StepResult(
        "validate",
        path.name,
        Outcome.FAIL,
        counted(validation.error_count, "findings"),
        hint=f"promote validate {path}",
        findings=validation.errors,
    )


def list_as_json(checks: Iterable[LocatedCheck]) -> str:
    """All that is known about the checks without a database, for programs."""
    entries = [_list_entry(located) for located in checks]
    return json.dumps({"version": LIST_VERSION, "command": "check --list", "checks": entries}, indent=2)


def list_as_text(checks: Iterable[LocatedCheck]) -> str:
    """The checks by stage: name, threshold and where it applies, then its description and its location."""
    entries = [_list_entry(located) for located in checks]
    if not entries:
        return "no check is declared; add one to checks/*.yaml"
    width = max(len(entry["name"]) for entry in entries)
    lines = []
    for stage in get_args(Stage):
        of_stage = [entry for entry in entries if entry["stage"] == stage]
        lines += [stage] if of_stage else []
        for entry in of_stage:
            details = "; ".join(filter(None, (entry["threshold"], entry["only"])))
            lines.append(f"  {entry['name']:<{width}}  {details}")
            lines += [f"  {'':<{width}}  {entry[key]}" for key in ("description", "at") if entry[key]]
    return "\n".join(lines)


def _list_entry(located: LocatedCheck) -> dict[str, Any]:
    check = located.check
    scope = (*([f"kind {check.when.kind}"] if check.when.kind else []), *check.when.environments)
    return {
        "name": check.name,
        "stage": check.stage,
        "probe": check.probe,
        "threshold": describe_thresholds(check.expect, check.warn),
        "only": f"only for {', '.join(scope)}" if scope else "",
        "description": check.description,
        "at": str(located.at),
    }
