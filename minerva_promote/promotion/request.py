"""What a run is going to do, all values known before anything is done; engine/run.py says in which order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4


@dataclass(frozen=True, slots=True)
class PromotionRequest:
    """One promotion of one file to one environment."""

    run_id: str  # a uuid made here: its row in the ledger proves the COMMIT
    environment: str
    file: Path
    repair: bool
    dry_run: bool
    digest: str = ""  # of the plan that it must be, as `promote plan` printed it
    rehearse_undo: bool = False  # rows in, out again and compared, before the import


def new_request(
    environment: str, file: Path, *, repair: bool, dry_run: bool, digest: str = "", rehearse_undo: bool = False
) -> PromotionRequest:
    """A plan with a new run id."""
    return PromotionRequest(str(uuid4()), environment, file, repair, dry_run, digest, rehearse_undo)
