"""What a run is going to do, all values known before anything is done; engine/run.py says in which order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4


@dataclass(frozen=True, slots=True)
class Plan:
    """One promotion of one file to one environment."""

    run_id: str  # a uuid made here: its row in the ledger proves the COMMIT
    environment: str
    file: Path
    repair: bool
    dry_run: bool


def plan_run(environment: str, file: Path, *, repair: bool, dry_run: bool) -> Plan:
    """A plan with a new run id."""
    return Plan(str(uuid4()), environment, file, repair, dry_run)
