"""All stages of a promotion in their order.

A run carries them out, a plan shows them, and the rehearsal of an undo carries out those that are marked for it.
"""

from __future__ import annotations

from minerva_promote.promotion.import_stages import IMPORT_STAGES
from minerva_promote.promotion.prepare_stages import Gates, LedgerStart, Readiness, SourceFile, Target, UndoRehearsal
from minerva_promote.promotion.state import Phase, Stage

PHASES: tuple[Phase, ...] = ("connect", "prepare", "transaction", "after")


def all_stages(import_stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """All stages; those of ``import_stages`` that are marked for it are carried out by the rehearsal too."""
    before = (Readiness(), Target(), SourceFile(), UndoRehearsal(import_stages), Gates(), LedgerStart())
    return (*before, *import_stages)


STAGES = all_stages(IMPORT_STAGES)


def stages_of(phase: Phase) -> tuple[Stage, ...]:
    """The stages of one phase, in their order."""
    return tuple(stage for stage in STAGES if stage.phase == phase)
