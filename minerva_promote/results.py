"""The results of a command: the only values that reports see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from minerva_promote.errors import EXIT_CLOSED, EXIT_OPEN, EXIT_UNFINISHED, Location


class Severity(StrEnum):
    """How much a finding weighs: an error closes the gate, a warning does not."""

    ERROR = "error"
    WARN = "warn"


class Outcome(StrEnum):
    """How a step or a check ended; ERROR: it could not be carried out, which counts as FAIL; WILL: it is planned."""

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
    message: str  # the fact, in lower case, with the actual and the expected number
    location: Location | None = None
    hint: str = ""  # how to correct it
    severity: Severity = Severity.ERROR
    count: int = 1  # occurrences of the same repair in the file


@dataclass(frozen=True, slots=True)
class StepResult:
    """One line of a report."""

    step: str  # "validate", "preflight", "import", "check", "setup", ...
    name: str  # what it was about: a file, a table, a check
    outcome: Outcome
    detail: str = ""  # the fact: "1,000 new, 0 already there, 0 different"
    seconds: float = 0.0
    location: Location | None = None  # where it is declared
    hint: str = ""  # how to correct it, or the command that shows more
    findings: tuple[Finding, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)  # the same facts as numbers, for JSON


class Section(NamedTuple):
    """A table for people, below the steps; programs find the same values in ``data``."""

    title: str  # the line above the table; empty for none
    rows: tuple[tuple[str, ...], ...]  # at least one, all of the same length


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
    sections: tuple[Section, ...] = ()

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
