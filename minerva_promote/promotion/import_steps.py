"""Reading the file and writing its rows, as functions over the state of a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from minerva_promote.checks.file_facts import FileFacts
from minerva_promote.checks.prepare import prepare_checks
from minerva_promote.checks.run import run_prepared
from minerva_promote.config.models.project import Stage as CheckStage
from minerva_promote.database.connection import Connection
from minerva_promote.database.server_errors import execute
from minerva_promote.errors import FileChanged, TargetError
from minerva_promote.exportfile.report import run_title, validate_step
from minerva_promote.exportfile.row_decoder import Row
from minerva_promote.exportfile.validation import Validation
from minerva_promote.load.load_result import LoadResult
from minerva_promote.load.loader import Loader
from minerva_promote.preflight import server as preflight
from minerva_promote.preflight.row_privileges import RowPrivileges
from minerva_promote.promotion.report import preflight_step, refused_step, table_steps
from minerva_promote.promotion.second_pass import file_changed_error, require_same_file, reread_rows
from minerva_promote.promotion.state import RunState, known
from minerva_promote.promotion.step_log import GateClosed
from minerva_promote.results import Finding

CONSTRAINT_CLASSES = ("22", "23")  # sqlstates with which a server refuses data
Sink = Callable[[Row], object]


def validates_first(state: RunState) -> bool:
    """Whether the whole file is read before the transaction begins.

    A big file is validated while its rows go in, so that client and server work at the same time: each row is checked
    before it is sent, and the gate is the same. Checks before the transaction need the file's numbers, and so does a
    plan, whose digest and keys come from the same reading.
    """
    checked = any(declared.check.stage == "preflight" for declared in state.project.checks)
    return checked or bool(state.request.digest) or file_size(state) <= state.project.contract.limits.validate_first


def file_size(state: RunState) -> int:
    """Bytes of the file; 0 for one without a size, for which reading it raises the error."""
    try:
        return state.request.file.stat().st_size
    except OSError:
        return 0


def row_privileges(state: RunState) -> RowPrivileges:
    """A collector of the privileges that the rows of the file need."""
    target = known(state.target)
    return RowPrivileges(state.project.contract, target.privileges, target.role, state.environment.name)


def shared_row_findings(conn: Connection, state: RunState, validation: Validation) -> tuple[Finding, ...]:
    """What is wrong with shared rows that only the target has."""
    findings = preflight.shared_findings(conn, state.project.contract, known(state.target).snapshot, validation)
    return preflight.placed(findings, state.environment)


def record_preflight(state: RunState, findings: tuple[Finding, ...]) -> None:
    """Log the findings before the first row. Raises GateClosed for more than warnings."""
    state.log.record(preflight_step(findings))
    state.log.stop_if_closed()


def prepare_all_checks(state: RunState, validation: Validation) -> None:
    """Render the checks of all stages, so that a fault in a template stops the run early."""
    facts = FileFacts.of(validation.manifest)
    state.prepared = prepare_checks(state.project, state.environment, None, facts, state.request.run_id)


def run_checks(conn: Connection, state: RunState, stage: CheckStage) -> None:
    """Run the prepared checks of a stage and log their results."""
    state.log.record_all(run_prepared(conn, state.checks_of(stage), stage))


def close_gate_unfit_target(state: RunState) -> NoReturn:
    """Close the gate of a target that takes no import; findings in a file that is validated first are logged too."""
    target = known(state.target)
    complete = set(state.project.contract.tables) <= set(target.snapshot.tables)
    # Without the extension its columns are gone too, and without its schema their types have other names.
    typed = not any(
        finding.code == "extension" or "lacks USAGE on schema" in finding.message for finding in target.findings
    )
    if complete and typed and validates_first(state):
        with suppress(GateClosed):
            validate_file(state, lambda _: None)
    record_preflight(state, target.findings)
    raise GateClosed


def validate_file(state: RunState, sink: Sink, activity: str = "validate") -> Validation:
    """Read and judge the whole file and log the verdict; ``sink`` takes its rows meanwhile.

    Raises GateClosed for a file that is refused, FileError for one that cannot be read.
    """
    size, listener, contract = file_size(state), state.log.listener, state.project.contract
    try:
        validation, step = validate_step(
            state.request.file,
            contract,
            known(state.target).snapshot,
            repair=state.request.repair,
            connected=True,
            tick=lambda done: listener.progress(activity, done, size),
            sink=sink,
        )
    except FileChanged:
        raise file_changed_error(state.request.file) from None
    state.validation = validation
    biggest = max(validation.manifest.rows, key=lambda table: validation.manifest.rows[table])
    state.title = run_title(validation.manifest, {*contract.root_tables, biggest})
    if state.request.dry_run:
        state.title += "   dry run"
    listener.heading(state.environment.name, state.request.run_id, state.title)
    state.log.record(step)
    state.log.stop_if_closed()
    return validation


def load_rows(conn: Connection, state: RunState) -> LoadResult:
    """Write the rows of the file, then check deferred constraints; needs an open transaction.

    A file that was validated before is read again and must have the same hash. Raises GateClosed when the target
    refuses a row or a row closes the gate, TargetError, and FileError when the file was changed.
    """
    begun = time.perf_counter()
    target, validated = known(state.target), state.validation
    loader = Loader(conn, state.project.contract, target.snapshot, target.triggers)
    try:
        if validated is None:
            _validate_while_loading(conn, state, loader)
        else:
            _read_again(state, validated, loader.add)
        loaded = loader.finish()
    except TargetError as error:
        if error.sqlstate[:2] not in CONSTRAINT_CLASSES:
            raise
        if state.validation is not None:
            require_same_file(state.request.file, state.validation.manifest)
        if not loader.loaded.clean:  # a parent that was not written, for one
            _record_tables(state, loader.loaded, begun)
        state.log.record(refused_step("rows", "the target refuses a row", error))
        raise GateClosed from error
    if loaded.clean:
        _check_constraints(conn, state)
        loader.verify()
    state.loaded, state.inserted = loaded, loader.inserted.batches()
    for batch in state.inserted:
        columns = target.snapshot.tables[batch.table].columns
        names = (*batch.key_columns, *batch.columns)
        state.types.setdefault(batch.table, {}).update({name: columns[name].type for name in names})
    _record_tables(state, loaded, begun)
    state.log.stop_if_closed()
    return loaded


def _validate_while_loading(conn: Connection, state: RunState, loader: Loader) -> None:
    """Judge every row before it is sent: the only reading of a big file."""
    if state.rehearsal:  # by the owner; what the import role may do is judged by the run itself
        validate_file(state, loader.add, "import")
        return
    sink = row_privileges(state).checked_sink(loader.add, lambda findings: record_preflight(state, findings))
    validation = validate_file(state, known(state.searches).sampling_sink(sink), "import")
    if findings := shared_row_findings(conn, state, validation):
        record_preflight(state, findings)
    prepare_all_checks(state, validation)


def _read_again(state: RunState, validation: Validation, sink: Sink) -> None:
    listener, size = state.log.listener, validation.manifest.size
    reread_rows(
        state.request.file,
        state.project.contract,
        known(state.target).snapshot,
        validation,
        repair=state.request.repair,
        tick=lambda done: listener.progress("import", done, size),
        sink=sink,
    )


def _record_tables(state: RunState, loaded: LoadResult, begun: float) -> None:
    if state.rehearsal:
        state.loaded = loaded
        return
    state.log.record_all(table_steps(state.request, state.project.contract, loaded, time.perf_counter() - begun))


def _check_constraints(conn: Connection, state: RunState) -> None:
    """Check deferred constraints now: at COMMIT a violation could no longer be reported as a step."""
    try:
        execute(conn, b"set constraints all immediate", "checking deferred constraints")
    except TargetError as error:
        if error.sqlstate[:2] not in CONSTRAINT_CLASSES:
            raise
        state.log.record(refused_step("constraints", "the target refuses the rows as a whole", error))
        raise GateClosed from error
