"""Findings of one file: the first ones kept with their places, all counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from minerva_promote.errors import Location
from minerva_promote.exportfile.value_faults import brief
from minerva_promote.results import Finding, Severity


@dataclass(slots=True)
class Findings:
    """Collects errors up to a limit and counts what comes after; warnings are few and all kept."""

    path: Path
    limit: int
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    count: int = 0  # of all errors

    @property
    def full(self) -> bool:
        """True when a further error would only be counted."""
        return self.count >= self.limit

    def add(self, code: str, fact: str, help_: str, place: tuple[int, int] = (0, 0)) -> None:
        """An error at this line and column; (0, 0) is the file."""
        self.count += 1
        if self.count <= self.limit:
            self.errors.append(Finding(code, brief(fact), Location(str(self.path), *place), brief(help_)))

    def warn(self, code: str, fact: str, help_: str, count: int) -> None:
        """Something that was mended, this often."""
        self.warnings.append(Finding(code, fact, Location(str(self.path)), help_, Severity.WARN, count))
