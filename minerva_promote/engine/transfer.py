"""The second reading of the file: rows into the transaction, and proof that it is still the same file."""

from __future__ import annotations

import time
from collections.abc import Collection

from minerva_promote.config.models import Contract
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.database.session import Connection
from minerva_promote.engine.lines import lines_of
from minerva_promote.engine.watch import Watch
from minerva_promote.errors import FileError, Location
from minerva_promote.exportfile.scan import Scan
from minerva_promote.exportfile.validate import Manifest
from minerva_promote.load.loader import Loader
from minerva_promote.load.outcome import Loaded
from minerva_promote.plan import Plan
from minerva_promote.results import Finding, Outcome, StepResult

_HELP = {
    "different": "the target has another row under this key: find out which is right; nothing overwrites it",
    "blocked": "another row of the target stands in its way",
    "appended": "what was promoted is not appended to: export it whole under a new key, or leave it",
}


def transfer(
    conn: Connection,
    plan: Plan,
    contract: Contract,
    snapshot: Snapshot,
    manifest: Manifest,
    verify: Collection[str],
    watch: Watch,
) -> tuple[Loaded, tuple[StepResult, ...]]:
    """Load every row inside the open transaction; one step a table that says what became of them.

    Raises FileError when the file is not the one that was validated, TargetError when the server refuses.
    """
    begun = time.perf_counter()
    scan = Scan(
        plan.file,
        contract,
        snapshot,
        repair=plan.repair,
        tick=lambda done: watch.progress("import", done, manifest.size),
    )
    loader = Loader(conn, contract, snapshot, verify)
    for row in scan.rows():
        loader.add(row)
    if scan.findings.count or scan.sha256.hex() != manifest.sha256:
        raise FileError(
            "changed while it was read: nothing was changed in the target",
            at=Location(str(plan.file)),
            hint="let nobody write to it, then run the command again",
        )
    loaded = loader.finish()
    return loaded, _steps(plan, contract, loaded, time.perf_counter() - begun)


def _steps(plan: Plan, contract: Contract, loaded: Loaded, seconds: float) -> tuple[StepResult, ...]:
    lines = lines_of(plan.file, [clash.offset for clash in loaded.clashes])
    steps = []
    shown = [table for table in contract.tables if sum(loaded.counts[table].values())]
    numbers = loaded.as_numbers()
    for table in shown:
        findings = tuple(
            Finding(
                clash.kind,
                f"{table} {clash.key}: {clash.fact}",
                Location(str(plan.file), lines.get(clash.offset, 0)),
                _HELP[clash.kind],
            )
            for clash in loaded.clashes
            if clash.table == table
        )
        counts = numbers[table]
        detail = f"{counts['new']:,} new, {counts['identical']:,} already there, {counts['different']:,} different"
        for kind in ("blocked", "appended"):
            if counts[kind]:
                detail += f", {counts[kind]:,} {kind}"
        outcome = Outcome.FAIL if findings or counts["different"] else Outcome.OK
        took = seconds if table == shown[-1] else 0.0  # batches of several tables are under way at once
        steps.append(StepResult("import", table, outcome, detail, took, findings=findings, data=dict(counts)))
    return tuple(steps)
