"""What one promotion is asked to do."""

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
    digest: str = ""  # as `promote plan` printed it: the run must be the planned one
    rehearse_undo: bool = False  # rows in, out again and compared, before the import


def new_request(
    environment: str, file: Path, *, repair: bool, dry_run: bool, digest: str = "", rehearse_undo: bool = False
) -> PromotionRequest:
    """A request with a new run id."""
    return PromotionRequest(str(uuid4()), environment, file, repair, dry_run, digest, rehearse_undo)
