"""One file, validated: findings and manifest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from minerva_promote.config.models.project import Contract
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.errors import Location
from minerva_promote.exportfile.finding_log import FindingLog
from minerva_promote.exportfile.reader import ExportReader, Tick
from minerva_promote.exportfile.row_decoder import Row
from minerva_promote.exportfile.row_order import Order, RowSorter
from minerva_promote.exportfile.row_rules import RowRules
from minerva_promote.exportfile.rule_model import DeferredRow
from minerva_promote.exportfile.value_display import row_text
from minerva_promote.results import Finding


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file holds."""

    path: Path
    size: int  # bytes
    sha256: str
    rows: Mapping[str, int]  # per table of the contract
    roots: tuple[str, ...]  # keys, as the text of their column; of several columns, as the text of a row: (a,b)
    root_keys: tuple[tuple[str, ...], ...]  # the same, the value of each column apart
    statements: int


@dataclass(frozen=True, slots=True)
class Validation:
    """The verdict on a file; accepted when there are no errors."""

    manifest: Manifest
    errors: tuple[Finding, ...]  # up to contract.limits.findings
    error_count: int  # all
    warnings: tuple[Finding, ...]
    deferred: Mapping[tuple[str, bytes], DeferredRow]  # shared rows that the target must have
    keys: Mapping[str, Collection[bytes]]  # of all rows, by table, as ``key_reader`` makes them
    order: Order = field(default_factory=Order)  # in which the rows were handed on

    @property
    def accepted(self) -> bool:
        """True when the file may be promoted."""
        return not self.error_count


def validate(
    path: Path,
    contract: Contract,
    snapshot: Snapshot,
    *,
    repair: bool = False,
    connected: bool = False,
    tick: Tick | None = None,
    sink: Callable[[Row], object] | None = None,
) -> Validation:
    """Read a file once, without a database; memory does not grow with its size, but for 16 bytes a key.

    ``connected`` leaves references to shared rows that the file does not hold to the target. ``sink`` takes every row
    up to the first error. Raises FileError.
    """
    rules = RowRules(contract, snapshot, connected=connected)
    reader = ExportReader(path, contract, snapshot, repair=repair, rules=rules, tick=tick)
    sorter = RowSorter(rules, None if sink is None else lambda row: None if reader.findings.count else sink(row))
    for row in reader.rows():
        sorter.add(row)
    _add_unresolved(path, reader.findings, sorter)
    order = sorter.order()
    manifest = Manifest(
        path,
        reader.size,
        reader.sha256.hex(),
        dict(rules.rows),
        tuple(map(row_text, rules.roots)),
        tuple(rules.roots),
        reader.statements,
    )
    findings = reader.findings
    return Validation(
        manifest,
        tuple(sorted(findings.errors, key=lambda finding: finding.location or Location(""))),
        findings.count,
        tuple(findings.warnings),
        {name: row for name, row in rules.deferred.items() if name[1] not in rules.keys[name[0]]},
        rules.keys,
        order,
    )


def _add_unresolved(path: Path, findings: FindingLog, sorter: RowSorter) -> None:
    """Add the faults of rows that waited for others in vain."""
    faults = list(sorter.finish())
    if not faults:
        return
    from minerva_promote.exportfile.row_lines import lines_of

    lines = lines_of(path, [offset for offset, _ in faults])
    for offset, fault in faults:
        findings.add(fault.code, fault.message, fault.hint, (lines.get(offset, 0), 1))
