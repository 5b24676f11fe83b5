"""The stages of a promotion from its first row on, in their order."""

from __future__ import annotations

from minerva_promote.database.catalog import fetch
from minerva_promote.embedding.target_sample import FileRows
from minerva_promote.ledger.commit_proof import commit_with_proof
from minerva_promote.load.sequences import advance, lagging_sequences
from minerva_promote.promotion import gates, plan_report, report
from minerva_promote.promotion import run_recorder as recorder
from minerva_promote.promotion.import_steps import (
    load_rows,
    run_checks,
)
from minerva_promote.promotion.state import Phase, RunState, Stage, known
from minerva_promote.search.vector_indexes import read_indexes
from minerva_promote.signals import current

_DATABASE_SIZE = b"select pg_catalog.pg_database_size(pg_catalog.current_database()) as bytes"


class Rows:
    """The rows of the file are in their tables, and deferred constraints hold."""

    phase: Phase = "transaction"
    rehearsed = True

    def plan(self, state: RunState) -> None:
        """Show what would become of the rows, of the space, and of the vector indexes that they go into."""
        counts, file_bytes = known(state.planned).counts, known(state.validation).manifest.size
        for table, keys in counts.items():
            state.log.record(plan_report.planned_table_step(table, keys))
        database_bytes = int(fetch(state.conn, _DATABASE_SIZE)[0]["bytes"])
        state.log.record(plan_report.planned_space_step(database_bytes, file_bytes))
        rebuilds = state.environment.index.rebuild == "auto"
        for index in read_indexes(state.conn, [table for table, keys in counts.items() if keys.new]):
            state.log.record(plan_report.planned_index_step(index, counts, rebuilds=rebuilds))

    def execute(self, state: RunState) -> None:
        """Load the rows."""
        load_rows(state.conn, state)


class Evidence:
    """What opened the gates still holds, under the lock."""

    phase: Phase = "transaction"
    rehearsed = False

    def plan(self, state: RunState) -> None:
        """Nothing to show: it is the comparison with the plan itself."""

    def execute(self, state: RunState) -> None:
        """Compare again."""
        gates.before_commit(state.conn, state, known(state.loaded))


class EmbeddingSpace:
    """New vectors are of the model that the target's vectors are of."""

    phase: Phase = "transaction"
    rehearsed = False

    def plan(self, state: RunState) -> None:
        """Show the check where any row is new."""
        if any(keys.new for keys in known(state.planned).counts.values()):
            state.log.record(plan_report.planned_embedding_step())

    def execute(self, state: RunState) -> None:
        """Compare a sample of the file's vectors with the target's."""
        if state.new_rows:
            validation, loaded = known(state.validation), known(state.loaded)
            stored = {table: counts["identical"] for table, counts in loaded.as_numbers().items()}
            rows = FileRows(validation.manifest.roots, validation.keys, stored)
            state.log.record(known(state.searches).embedding_space_step(state.conn, rows))


class ChecksBeforeCommit:
    """The checks pass while the rows can still be taken back."""

    phase: Phase = "transaction"
    rehearsed = False

    def plan(self, state: RunState) -> None:
        """Show the checks with their thresholds."""
        state.log.record_all(plan_report.planned_check_steps(state.checks_of("before_commit"), warn_if_none=True))

    def execute(self, state: RunState) -> None:
        """Run them; in a dry run also those of after COMMIT, while the rows are there to be searched."""
        run_checks(state.conn, state, "before_commit")
        state.log.stop_if_closed()
        if state.request.dry_run:
            run_checks(state.conn, state, "after_commit")
            state.log.stop_if_closed()


class Sequences:
    """Sequences behind columns that the file gave do not give out the same values again."""

    phase: Phase = "transaction"
    rehearsed = False

    def plan(self, state: RunState) -> None:
        """Nothing to show: how far a sequence has to go is known once the rows are there."""

    def execute(self, state: RunState) -> None:
        """Advance those that are behind; a dry run only names them."""
        written: dict[str, frozenset[str]] = {}
        for batch in state.inserted:
            written[batch.table] = written.get(batch.table, frozenset()) | frozenset(batch.columns)
        for sequence in lagging_sequences(state.conn, written) if written else ():
            advanced = sequence.can_advance and not state.request.dry_run
            last = advance(state.conn, sequence) if advanced else None
            state.log.record(report.sequence_step(sequence, last))


class Commit:
    """The ledger entry and the rows are committed together."""

    phase: Phase = "transaction"
    rehearsed = False

    def plan(self, state: RunState) -> None:
        """Show the event."""
        state.log.record(plan_report.planned_event_step("committed"))

    def execute(self, state: RunState) -> None:
        """Write the event and commit; a dry run stops before COMMIT, and nothing is committed without new rows."""
        if not state.new_rows:
            return
        recorder.committed(state.conn, state)
        if state.request.dry_run:
            return
        with current().held():
            state.commit_proof = commit_with_proof(
                state.conn, state.project, state.environment, state.request.run_id, report.committed_as(state)
            )
            state.committed = True


class VectorIndexes:
    """Vector indexes still find what the committed rows added."""

    phase: Phase = "after"
    rehearsed = False

    def plan(self, state: RunState) -> None:
        """Nothing to show: the indexes are shown with the rows that go into them."""

    def execute(self, state: RunState) -> None:
        """Look for stale indexes, and rebuild them where the environment asks for it."""
        if state.committed:
            indexes = known(state.searches).indexes(state.conn, state.new_rows, state.log.listener)
            state.log.record_all(indexes)


class ChecksAfterCommit:
    """The checks after COMMIT, which can take nothing back.

    They run for a file whose rows were all there too: the run that stored them may not have come so far.
    """

    phase: Phase = "after"
    rehearsed = False

    def plan(self, state: RunState) -> None:
        """Show the checks with their thresholds."""
        state.log.record_all(plan_report.planned_check_steps(state.checks_of("after_commit"), warn_if_none=False))

    def execute(self, state: RunState) -> None:
        """Run them."""
        run_checks(state.conn, state, "after_commit")


class LedgerEnd:
    """The ledger has the end of the run."""

    phase: Phase = "after"
    rehearsed = False

    def plan(self, state: RunState) -> None:
        """Show the event."""
        state.log.record(plan_report.planned_event_step("finished"))

    def execute(self, state: RunState) -> None:
        """Write the event."""
        if state.committed:
            recorder.finished(state)
        else:
            recorder.unchanged(state)


IMPORT_STAGES: tuple[Stage, ...] = (
    Rows(),
    Evidence(),
    EmbeddingSpace(),
    ChecksBeforeCommit(),
    Sequences(),
    Commit(),
    VectorIndexes(),
    ChecksAfterCommit(),
    LedgerEnd(),
)
