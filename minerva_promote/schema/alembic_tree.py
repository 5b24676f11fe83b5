"""The project's Alembic tree: its revisions, and running them on a connection of ours."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from alembic import command
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.faults import target_error
from minerva_promote.errors import ConfigError, Location, TargetError

DIMENSIONS_VARIABLE = "embedding_dimensions"


@dataclass(frozen=True, slots=True)
class Revision:
    """One step of the schema's history."""

    id: str
    message: str  # the first line of its file


class Tree:
    """The revisions below ``migrations:`` of a project, oldest first."""

    def __init__(self, project: Project) -> None:
        self.project = project
        if not (project.migrations / "env.py").is_file():
            raise ConfigError(
                f"no Alembic tree in {project.migrations.name}: env.py is missing",
                at=Location("promote.yaml"),
                hint="set `migrations:` to the folder that has env.py and versions/",
            )
        script = ScriptDirectory.from_config(self._config())
        heads = script.get_heads()
        if len(heads) != 1:
            names = ", ".join(sorted(heads)) or "none"
            raise ConfigError(
                f"the Alembic tree has {len(heads)} heads, must have 1: {names}",
                at=Location(project.migrations.name),
                hint="join them: alembic merge heads",
            )
        self.head = heads[0]
        walked = script.walk_revisions("base", "heads")
        self.revisions = tuple(reversed([Revision(step.revision, step.doc) for step in walked]))

    def after(self, revision: str | None) -> tuple[Revision, ...] | None:
        """What follows a revision; all for None; None for one that the tree does not have."""
        if revision is None:
            return self.revisions
        ids = [step.id for step in self.revisions]
        return self.revisions[ids.index(revision) + 1 :] if revision in ids else None

    def upgrade(
        self, connection: Connection, environment: Environment, on_apply: Callable[..., None] | None = None
    ) -> None:
        """Bring the database to the head, in the transaction that is open on ``connection``.

        ``on_apply`` is called after every revision, as Alembic's on_version_apply is. Raises TargetError.
        """
        config = self._config()
        config.attributes |= {
            "connection": connection,
            "kind": environment.kind,
            "lock_timeout": environment.timeouts.lock,
            "on_version_apply": on_apply,
        }
        if DIMENSIONS_VARIABLE in self.project.variables:
            config.attributes[DIMENSIONS_VARIABLE] = self.project.variables[DIMENSIONS_VARIABLE]
        try:
            command.upgrade(config, "head")
        except DBAPIError as error:
            raise target_error("migrating", error.orig) from error
        except CommandError as error:
            raise TargetError(f"migrating: {error}") from error

    def _config(self) -> Config:
        config = Config(stdout=io.StringIO(), output_buffer=io.StringIO())
        config.set_main_option("script_location", str(self.project.migrations).replace("%", "%%"))
        return config


@contextmanager
def transaction_for_alembic(conn: psycopg.Connection) -> Iterator[Connection]:
    """One transaction on an idle connection of ours, as SQLAlchemy sees it; committed when the block ends well.

    Statements on ``conn`` itself belong to the transaction once the first one is sent. The connection stays open.
    """
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: conn,
        poolclass=StaticPool,
        pool_reset_on_return=None,
        use_native_hstore=False,
    )
    before = _autocommit(conn, False)
    try:
        with engine.connect() as connection, connection.begin():
            yield connection
    except DBAPIError as error:
        raise target_error("migrating", error.orig) from error
    finally:
        if not conn.closed:
            _autocommit(conn, before)


def _autocommit(conn: psycopg.Connection[Any], value: bool) -> bool:
    before = conn.autocommit
    if before != value:
        conn.autocommit = value
    return before
