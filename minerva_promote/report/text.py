"""The text report: one aligned line a step, findings below it. The same in a pipe and on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from minerva_promote.results import Finding, Outcome, RunResult, Section, Severity, StepResult
from minerva_promote.text_format import aligned, printable, seconds

STEP_WIDTH = 11
NAME_WIDTH = 34
# Commands whose steps have long names or paths: their column is as wide as the longest.
WIDE = ("grants", "schema diff", "schema drift")
WIDEST_NAME = 72  # of such a column; a longer name sticks out
OUTCOME_WIDTH = 7


def render(result: RunResult, redact: Callable[[str], str]) -> str:
    """The whole report, redacted."""
    lines = [heading(result.environment, result.run_id, result.title)] if _has_heading(result) else []
    names = [len(step.name) + 3 for step in result.steps] if result.command in WIDE else []
    width = min(WIDEST_NAME, max(NAME_WIDTH, *names, 0))
    for step in result.steps:
        lines += step_lines(step, width)
    for section in result.sections:
        lines += section_lines(section)
    lines += [escape_breaks(line) for line in (result.verdict,) if line]
    text = "\n".join(lines)
    if redact(text) != text:  # rare; then line by line, as no secret contains a line break
        lines = [redact(line) for line in lines]
    return "\n".join(map(printable, lines))


def heading(environment: str, run_id: str, title: str) -> str:
    """The first line: environment, run, file."""
    run = f"run {run_id[:8]}" if run_id else ""
    return escape_breaks("   ".join(part for part in (environment, run, title) if part))


def step_lines(step: StepResult, width: int = NAME_WIDTH) -> list[str]:
    """One step: its line; on failure its location and hint; its findings."""
    if step.name:
        dots = "." * max(2, width - len(step.name) - 1)
        name = f"{step.name} {dots}"
    else:
        name = "." * width
    first = f"  {step.step:<{STEP_WIDTH}}{name} {step.outcome:<{OUTCOME_WIDTH}}{_detail(step)}".rstrip()
    lines = [first]
    if step.outcome in (Outcome.FAIL, Outcome.ERROR, Outcome.WARN):
        indent = " " * (STEP_WIDTH + 2)
        location = str(step.location) if step.location else ""
        if location and step.hint:
            lines.append(f"{indent}{location:<{width}} {step.hint}")
        elif location or step.hint:
            lines.append(indent + (location or step.hint))
    return [*map(escape_breaks, lines), *finding_lines(step.findings)]


def finding_lines(findings: Iterable[Finding]) -> list[str]:
    """Every finding as file:line:column, code and message, with its hint below."""
    lines = []
    for finding in findings:
        location = f"{finding.location}: " if finding.location else ""
        warn = "warn: " if finding.severity is Severity.WARN else ""
        lines.append(f"    {location}{warn}{finding.code}: {finding.message}")
        if finding.hint:
            lines.append(f"        help: {finding.hint}")
    return [*map(escape_breaks, lines)]


def section_lines(section: Section) -> list[str]:
    """The rows of a table in aligned columns, further to the right below a title."""
    indent = "    " if section.title else "  "
    title = [f"  {section.title}"] if section.title else []
    return [*map(escape_breaks, title), *(escape_breaks(indent + line) for line in aligned(section.rows))]


def _detail(step: StepResult) -> str:
    slow = step.seconds >= 0.05 and step.step != "check"
    return ", ".join(part for part in (step.detail, seconds(step.seconds) if slow else "") if part)


def escape_breaks(line: str) -> str:
    """The line with its line breaks escaped, which names of files and messages of servers may contain."""
    return line.replace("\n", "\\x0a")


def _has_heading(result: RunResult) -> bool:
    return bool(result.environment or result.title)
