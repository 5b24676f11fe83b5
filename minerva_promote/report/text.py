"""The report for people: one line a step, aligned; what went wrong below it. The same in a pipe and on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from minerva_promote.results import Finding, Outcome, RunResult, Severity, StepResult
from minerva_promote.text_format import printable, seconds

STEP_WIDTH = 11
NAME_WIDTH = 34
# Commands whose names are half sentences, or paths: their column is as wide as the widest.
WIDE = ("grants", "schema diff", "schema drift")
WIDEST_NAME = 72  # of such a column; a longer name sticks out
OUTCOME_WIDTH = 7


def render(result: RunResult, redact: Callable[[str], str]) -> str:
    """The whole report, secrets taken out."""
    lines = [heading(result.environment, result.run_id, result.title)] if _has_heading(result) else []
    names = [len(step.name) + 3 for step in result.steps] if result.command in WIDE else []
    width = min(WIDEST_NAME, max(NAME_WIDTH, *names, 0))
    for step in result.steps:
        lines += step_lines(step, width)
    lines += map(whole, result.lines)
    lines += [whole(line) for line in (result.verdict,) if line]
    text = "\n".join(lines)
    if redact(text) != text:  # rare: then line by line, as a secret does not reach over a line's end
        lines = [redact(line) for line in lines]
    return "\n".join(map(printable, lines))


def heading(environment: str, run_id: str, title: str) -> str:
    """The first line: environment, run, file."""
    run = f"run {run_id[:8]}" if run_id else ""
    return whole("   ".join(part for part in (environment, run, title) if part))


def step_lines(step: StepResult, width: int = NAME_WIDTH) -> list[str]:
    """One step: its line, where it is declared and how to look closer, its findings."""
    if step.name:
        dots = "." * max(2, width - len(step.name) - 1)
        name = f"{step.name} {dots}"
    else:
        name = "." * width
    first = f"  {step.step:<{STEP_WIDTH}}{name} {step.outcome:<{OUTCOME_WIDTH}}{_detail(step)}".rstrip()
    lines = [first]
    if step.outcome in (Outcome.FAIL, Outcome.ERROR, Outcome.WARN):
        indent = " " * (STEP_WIDTH + 2)
        place = str(step.location) if step.location else ""
        if place and step.hint:
            lines.append(f"{indent}{place:<{width}} {step.hint}")
        elif place or step.hint:
            lines.append(indent + (place or step.hint))
    return [*map(whole, lines), *finding_lines(step.findings)]


def finding_lines(findings: Iterable[Finding]) -> list[str]:
    """Each finding as file:line:column, code and fact, with its help below."""
    lines = []
    for finding in findings:
        place = f"{finding.location}: " if finding.location else ""
        warn = "warn: " if finding.severity is Severity.WARN else ""
        lines.append(f"    {place}{warn}{finding.code}: {finding.message}")
        if finding.hint:
            lines.append(f"        help: {finding.hint}")
    return [*map(whole, lines)]


def _detail(step: StepResult) -> str:
    slow = step.seconds >= 0.05 and step.step != "check"
    return ", ".join(part for part in (step.detail, seconds(step.seconds) if slow else "") if part)


def whole(line: str) -> str:
    """The line without a break: what a file is called, or a server says, is no line of its own."""
    return line.replace("\n", "\\x0a")


def _has_heading(result: RunResult) -> bool:
    return bool(result.environment or result.title)
