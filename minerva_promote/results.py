"""What a command found and did: the only values that reports see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from minerva_promote.errors import EXIT_CLOSED, EXIT_OPEN, EXIT_UNFINISHED, Location


class Severity(StrEnum):
    """How much a finding weighs: an error closes the gate, a warn is only said."""

    ERROR = "error"
    WARN = "warn"


class Outcome(StrEnum):
    """How a step or a check ended; ERROR means that it could not look, and counts as FAIL; WILL is one of a plan."""

    OK = "ok"
    WARN = "WARN"
    FAIL = "FAIL"
    ERROR = "ERROR"
    SKIP = "skip"
    WILL = "will"

    @property
    def closes_gate(self) -> bool:
        """True for FAIL and ERROR."""
        return self in (Outcome.FAIL, Outcome.ERROR)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong in a file, a configuration or a target."""

    code: str  # stable kebab-case name, e.g. "vector-length"
    message: str  # what is there, lower case, with both numbers
    location: Location | None = None
    hint: str = ""  # the way out
    severity: Severity = Severity.ERROR
    count: int = 1  # how many times the same thing stands in the file (repairs)


@dataclass(frozen=True, slots=True)
class StepResult:
    """One line of a report."""

    step: str  # "validate", "preflight", "import", "check", "setup", ...
    name: str  # what it was about: a file, a table, a check
    outcome: Outcome
    detail: str = ""  # the fact: "1,000 new, 0 already there, 0 different"
    seconds: float = 0.0
    location: Location | None = None  # where it is declared
    hint: str = ""  # the way out, or the command to look closer
    findings: tuple[Finding, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)  # the same facts as numbers, for JSON


@dataclass(frozen=True, slots=True)
class RunResult:
    """All that a command did, in order, and its verdict."""

    command: str  # "run", "check", "setup", ...
    environment: str = ""
    run_id: str = ""
    title: str = ""  # the rest of the heading: "export 5b21… (23.8 MB, 1 book, 1,000 chunks)"
    steps: tuple[StepResult, ...] = ()
    verdict: str = ""  # the last line: "gate closed: nothing was changed (rolled back)"
    changed: bool = False  # whether the target is different from before
    interrupted: bool = False  # whether a signal stopped the command after it had committed
    data: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()  # a table for people; programs find the same in data

    @property
    def gate_open(self) -> bool:
        """True when no step failed."""
        return not any(step.outcome.closes_gate for step in self.steps)

    @property
    def exit_code(self) -> int:
        """0 when the gate is open, 1 when it is closed, 3 when a signal stopped the command after COMMIT."""
        if self.interrupted:
            return EXIT_UNFINISHED
        return EXIT_OPEN if self.gate_open else EXIT_CLOSED
