"""A dump of the target before a run: made as the owner, complete under its own name, or not there at all."""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from minerva_promote.config.durations import in_seconds
from minerva_promote.config.models.project import Backup
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import server
from minerva_promote.database.connection import Connection
from minerva_promote.database.database_identity import (
    DatabaseIdentity,
    WrongDatabase,
    identity_yaml,
    read_database_identity,
)
from minerva_promote.database.pg_dump import Program, dump, find_pg_dump, open_params
from minerva_promote.database.pooler import owner_session
from minerva_promote.errors import ConfigError, TargetError
from minerva_promote.progress import ProgressListener
from minerva_promote.promotion import gate_report as report
from minerva_promote.results import StepResult

_MAGIC = b"PGDMP"
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class DumpPlan:
    """What a dump needs, checked before it is begun."""

    program: Program
    params: Mapping[str, str]  # libpq keywords of the owner, the password among them
    folder: Path


def backup_steps(
    project: Project,
    environment: Environment,
    conn: Connection,
    run_id: str,
    listener: ProgressListener,
    *,
    rehearsal: bool,
) -> Iterator[StepResult]:
    """Make the backup that the environment asks for, if any; a failed one closes the gate.

    ``conn`` is the import role's session, idle. A ``rehearsal`` checks whether a dump could be made, and makes none.
    """
    backup = environment.backup
    if backup is None:
        return
    try:
        plan = prepare(project, environment, backup, conn)
    except WrongDatabase:
        raise
    except (ConfigError, TargetError) as error:
        yield report.backup_failed_step(error.message, error.hint, location=error.location)
        return
    if rehearsal:
        yield report.backup_planned_step(plan.program.version, backup.folder)
        return
    yield from _make_dump(project, environment, backup, plan, run_id, listener)


def prepare(project: Project, environment: Environment, backup: Backup, conn: Connection) -> DumpPlan:
    """The program, the connection and the folder. Raises TargetError, and ConfigError where there is no admin_url."""
    folder = project.root / Path(backup.folder).expanduser()
    _require_folder(folder)
    target = environment.target(environment.session_identity)
    with owner_session(project, environment, "backup:", application="promote backup") as owner:
        _require_same(read_database_identity(conn), read_database_identity(owner))
        setting = f"backup.program in {environment.at.file}"
        program = find_pg_dump(backup.program or "", server(owner).version_num, setting)
    params = dict(target.params)
    if target.embedded:
        from minerva_promote.database.embedded.server import embedded_params

        params = embedded_params(project.root, target)
    patience = {"connect_timeout": str(environment.timeouts.connect)}
    return DumpPlan(program, {**patience, **params, "application_name": "promote backup"}, folder)


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "is not there"
        hint = (
            f"mkdir -p {shlex.quote(str(folder))}; promote does not make it, for it may be a disk that is not mounted"
        )
        raise TargetError(f"the folder {folder} {what}", hint=hint)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise TargetError(f"the folder {folder} cannot be written to", hint="let the user of promote write to it")


def _require_same(ours: DatabaseIdentity, owners: DatabaseIdentity) -> None:
    """The owner's session must see the database that the rows go to."""
    if ours.database != owners.database or (
        ours.known and owners.known and ours.system_identifier != owners.system_identifier
    ):
        message = f"admin_url leads to another database than url: {identity_yaml(owners)}, not {identity_yaml(ours)}"
        raise TargetError(message, hint="both must reach the same database")


def _make_dump(
    project: Project, environment: Environment, backup: Backup, plan: DumpPlan, run_id: str, listener: ProgressListener
) -> Iterator[StepResult]:
    begun = time.perf_counter()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    final = plan.folder / f"{environment.name}-{stamp}-{run_id[:8]}.dump"
    partial = final.with_name(final.name + _PARTIAL)
    try:
        problem = _run_pg_dump(project, environment, backup, plan, partial, listener)
        if not problem:
            file_size = partial.stat().st_size
            partial.replace(final)
            _sync(plan.folder)
    except OSError as error:
        problem = f"{error.filename or final}: {(error.strerror or str(error)).lower()}"
    finally:
        with suppress(OSError):
            partial.unlink()
    seconds = time.perf_counter() - begun
    if problem:
        yield report.dump_failed_step(plan.program.version, project.redact(problem), seconds)
        return
    display_path = f"{backup.folder.rstrip('/')}/{final.name}"
    deleted, failure = _delete_old_dumps(environment.name, plan.folder, backup.keep)
    restore = _restore_command(plan, final)
    data = {"file": str(final), "bytes": file_size, "deleted": deleted, "restore": restore}
    yield report.backup_step(plan.program.version, display_path, data, seconds)
    if failure:
        yield report.undeleted_dump_step(failure)
    yield report.restore_command_step(restore)


def _run_pg_dump(
    project: Project,
    environment: Environment,
    backup: Backup,
    plan: DumpPlan,
    partial: Path,
    listener: ProgressListener,
) -> str:
    """Dump into the file; the problem, or an empty text."""
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    ended = dump(
        plan.program,
        plan.params,
        partial,
        lock_timeout=environment.timeouts.lock,
        timeout=in_seconds(backup.timeout),
        tick=lambda done: listener.progress("backup", done, done),
    )
    if ended.problem:
        return f"{ended.problem}: {ended.output}" if ended.output else ended.problem
    with partial.open("rb") as file:
        whole = file.read(len(_MAGIC)) == _MAGIC
    return "" if whole else f"{plan.program.path} wrote no dump"


def _restore_command(plan: DumpPlan, file: Path) -> str:
    """The command that puts everything back but the extension, which stays and may belong to another role."""
    where = " ".join(f"{key}={_conninfo(value)}" for key, value in open_params(plan.params).items())
    program, name = shlex.quote(plan.program.restore), shlex.quote(str(file))
    how = "--clean --if-exists --single-transaction --use-list=/dev/stdin"
    return f"{program} --list {name} | grep -v ' EXTENSION ' | {program} {how} --dbname={shlex.quote(where)} {name}"


def _conninfo(value: str) -> str:
    if re.fullmatch(r"[\w./:,@%+-]+", value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _delete_old_dumps(environment: str, folder: Path, keep: int | None) -> tuple[int, str]:
    """Delete the oldest dumps of an environment; how many were deleted, and why one could not be."""
    if keep is None:
        return 0, ""
    ours = re.compile(rf"{re.escape(environment)}-\d{{8}}T\d{{6}}Z-[0-9a-f]{{8}}\.dump")
    dumps = sorted(path for path in folder.iterdir() if ours.fullmatch(path.name))
    deleted = 0
    for path in dumps[:-keep]:
        try:
            path.unlink()
        except OSError as error:
            return deleted, f"{path} could not be deleted: {(error.strerror or str(error)).lower()}"
        deleted += 1
    return deleted, ""


def _sync(folder: Path) -> None:
    """Make the new name survive a loss of power."""
    with suppress(OSError):  # some network disks do not know it
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
