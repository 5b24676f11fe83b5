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
from minerva_promote.results import Outcome, StepResult
from minerva_promote.text_format import counted, size

_MAGIC = b"PGDMP"
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class Ready:
    """All that a dump needs, looked at before it is begun."""

    program: Program
    params: Mapping[str, str]  # libpq keywords of the owner, the password among them
    folder: Path


def backup_steps(
    project: Project,
    environment: Environment,
    conn: Connection,
    run_id: str,
    watch: ProgressListener,
    *,
    rehearsal: bool,
) -> Iterator[StepResult]:
    """What became of the backup that the environment asks for; a failed one closes the gate. Nothing without one.

    ``conn`` is the import role's session, idle. A ``rehearsal`` looks whether a dump could be made, and makes none.
    """
    wanted = environment.backup
    if wanted is None:
        return
    try:
        ready = prepare(project, environment, wanted, conn)
    except WrongDatabase:
        raise
    except (ConfigError, TargetError) as error:
        yield StepResult("backup", "pg_dump", Outcome.FAIL, error.message, location=error.location, hint=error.hint)
        return
    if rehearsal:
        yield StepResult("backup", _called(ready), Outcome.OK, f"would be written to {wanted.folder}")
        return
    yield from _made(project, environment, wanted, ready, run_id, watch)


def prepare(project: Project, environment: Environment, wanted: Backup, conn: Connection) -> Ready:
    """The program, the connection and the folder. Raises TargetError, and ConfigError where there is no admin_url."""
    folder = project.root / Path(wanted.folder).expanduser()
    _require_folder(folder)
    target = environment.target(environment.session_identity)
    with owner_session(project, environment, "backup:", application="promote backup") as owner:
        _require_same(read_database_identity(conn), read_database_identity(owner))
        setting = f"backup.program in {environment.at.file}"
        program = find_pg_dump(wanted.program or "", server(owner).version_num, setting)
    params = dict(target.params)
    if target.embedded:
        from minerva_promote.database.embedded.server import embedded_params

        params = embedded_params(project.root, target)
    patience = {"connect_timeout": str(environment.timeouts.connect)}
    return Ready(program, {**patience, **params, "application_name": "promote backup"}, folder)


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
        fact = f"admin_url leads to another database than url: {identity_yaml(owners)}, not {identity_yaml(ours)}"
        raise TargetError(fact, hint="both must reach the same database")


def _made(
    project: Project, environment: Environment, wanted: Backup, ready: Ready, run_id: str, watch: ProgressListener
) -> Iterator[StepResult]:
    begun = time.perf_counter()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    final = ready.folder / f"{environment.name}-{stamp}-{run_id[:8]}.dump"
    partial = final.with_name(final.name + _PARTIAL)
    try:
        problem = _dumped(project, environment, wanted, ready, partial, watch)
        if not problem:
            bytes_ = partial.stat().st_size
            partial.replace(final)
            _sync(ready.folder)
    except OSError as error:
        problem = f"{error.filename or final}: {(error.strerror or str(error)).lower()}"
    finally:
        with suppress(OSError):
            partial.unlink()
    took = time.perf_counter() - begun
    if problem:
        hint = "nothing was imported, and no dump was left; correct it, then run the command again"
        yield StepResult("backup", _called(ready), Outcome.FAIL, project.redact(problem), took, hint=hint)
        return
    display_path = f"{wanted.folder.rstrip('/')}/{final.name}"
    removed, kept = _prune(environment.name, ready.folder, wanted.keep)
    gone = f", {counted(removed, 'older dumps')} deleted" if removed else ""
    restore = _restore(ready, final)
    data = {"file": str(final), "bytes": bytes_, "deleted": removed, "restore": restore}
    yield StepResult("backup", _called(ready), Outcome.OK, f"{display_path}, {size(bytes_)}{gone}", took, data=data)
    if kept:
        yield StepResult("backup", "older dumps", Outcome.WARN, kept, hint="delete what is beyond keep yourself")
    yield StepResult("backup", "to restore it", Outcome.OK, restore)


def _dumped(
    project: Project, environment: Environment, wanted: Backup, ready: Ready, partial: Path, watch: ProgressListener
) -> str:
    """Dump into the file; what went wrong, or nothing."""
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    ended = dump(
        ready.program,
        ready.params,
        partial,
        lock_timeout=environment.timeouts.lock,
        timeout=in_seconds(wanted.timeout),
        tick=lambda done: watch.progress("backup", done, done),
    )
    if ended.problem:
        return f"{ended.problem}: {ended.output}" if ended.output else ended.problem
    with partial.open("rb") as file:
        whole = file.read(len(_MAGIC)) == _MAGIC
    return "" if whole else f"{ready.program.path} wrote no dump"


def _restore(ready: Ready, file: Path) -> str:
    """The command that puts everything back but the extension, which stays and may belong to another role."""
    where = " ".join(f"{key}={_conninfo(value)}" for key, value in open_params(ready.params).items())
    program, name = shlex.quote(ready.program.restore), shlex.quote(str(file))
    how = "--clean --if-exists --single-transaction --use-list=/dev/stdin"
    return f"{program} --list {name} | grep -v ' EXTENSION ' | {program} {how} --dbname={shlex.quote(where)} {name}"


def _conninfo(value: str) -> str:
    if re.fullmatch(r"[\w./:,@%+-]+", value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _prune(environment: str, folder: Path, keep: int | None) -> tuple[int, str]:
    """Delete the oldest dumps of an environment; how many went, and why one could not."""
    if keep is None:
        return 0, ""
    ours = re.compile(rf"{re.escape(environment)}-\d{{8}}T\d{{6}}Z-[0-9a-f]{{8}}\.dump")
    dumps = sorted(path for path in folder.iterdir() if ours.fullmatch(path.name))
    removed = 0
    for path in dumps[:-keep]:
        try:
            path.unlink()
        except OSError as error:
            return removed, f"{path} could not be deleted: {(error.strerror or str(error)).lower()}"
        removed += 1
    return removed, ""


def _sync(folder: Path) -> None:
    """See to it that the new name outlives a loss of power."""
    with suppress(OSError):  # some network disks do not know it
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _called(ready: Ready) -> str:
    return f"pg_dump {ready.program.version}"
