"""The JSON report. Its shape has a version; within one, keys are only added.

{"version": 1, "command", "environment", "run_id", "title", "gate": "open" | "closed", "changed", "exit_code",
 "verdict", "steps": [{"step", "name", "outcome", "detail", "seconds", "at", "hint", "findings", "data"}], "data"}

``at`` is {"file", "line", "column"} or null; a finding is {"code", "severity", "fact", "at", "help", "count"}.
A command that could not finish prints {"version", "exit_code", "errors": [{"message", "hint", "at"}]} in its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from minerva_promote.errors import Location
from minerva_promote.results import Finding, RunResult, StepResult

VERSION = 1

_LOG_COMMAND = re.compile(r"##(?=\[|vso\[)", re.IGNORECASE)  # for the log of a CI service


def render(result: RunResult, redact: Callable[[str], str]) -> str:
    """The result as JSON, redacted."""
    values = {
        "version": VERSION,
        "command": result.command,
        "environment": result.environment,
        "run_id": result.run_id,
        "title": result.title,
        "gate": "open" if result.gate_open else "closed",
        "changed": result.changed,
        "exit_code": result.exit_code,
        "verdict": result.verdict,
        "steps": [_step(step) for step in result.steps],
        "data": dict(result.data),
    }
    return dumped(_redacted(values, redact))


def dumped(values: Any) -> str:
    """JSON that is safe to print: control characters and log commands are escaped, also where JSON allows them."""
    plain = json.dumps(values, ensure_ascii=False, indent=2, default=str)
    if not plain.replace("\n", "").isprintable():
        plain = "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in plain)
    return _LOG_COMMAND.sub(r"#\\u0023", plain) if "##" in plain else plain


def _step(step: StepResult) -> dict[str, Any]:
    return {
        "step": step.step,
        "name": step.name,
        "outcome": str(step.outcome),
        "detail": step.detail,
        "seconds": round(step.seconds, 6),
        "at": location_values(step.location),
        "hint": step.hint,
        "findings": [_finding(finding) for finding in step.findings],
        "data": dict(step.data),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": str(finding.severity),
        "fact": finding.message,
        "at": location_values(finding.location),
        "help": finding.hint,
        "count": finding.count,
    }


def location_values(location: Location | None) -> dict[str, Any] | None:
    """A location as the report has it; null where there is none."""
    return {"file": location.file, "line": location.line, "column": location.column} if location else None


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _redacted(inner, redact) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(inner, redact) for inner in value]
    return value
