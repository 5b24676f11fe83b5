"""The project's Alembic tree: its revisions, their SQL, and running them."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection as SqlAlchemyConnection
from sqlalchemy.exc import DBAPIError

from minerva_promote.config.files import UnreadableError, decoded, read_bounded
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.connection import Connection
from minerva_promote.database.notices import Notices
from minerva_promote.database.pooler import owner_session
from minerva_promote.database.server_errors import target_error
from minerva_promote.database.session import closed_after
from minerva_promote.database.sibling_connection import sibling_connection
from minerva_promote.errors import ConfigError, Location, PromoteError, TargetError
from minerva_promote.migrations.env_runner import (
    alembic_environment,
    checked_connections,
    engine_for_connection,
    url_variables,
)
from minerva_promote.migrations.env_runner import transaction_for_alembic as transaction_for_alembic
from minerva_promote.migrations.tree_errors import env_failure, import_failure, tree_errors
from minerva_promote.migrations.tree_files import NO_MIGRATIONS, TreeFiles, find_tree

DIMENSIONS_VARIABLE = "embedding_dimensions"
MIGRATING = "migrating"

# Also op.execute("COMMIT") and execute(sa.text("commit")), the usual way before Alembic had autocommit_block.
_COMMIT_CALL = re.compile(
    r"""autocommit_block|(execute|exec_driver_sql)\(\s*([\w.]*text\(\s*)?[rf]?["']+\s*(commit|end)\b""", re.IGNORECASE
)
_REVISION_HEADER = re.compile(r"^-- Running upgrade (?:.*) -> (\w+).*\n+", re.MULTILINE)

MAX_REVISION_BYTES = 64 << 20  # of one revision file


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of the schema."""

    id: str
    message: str  # first line of its docstring
    path: Path | None = None
    own_commits: bool = False  # it commits half way: a later failure does not roll that back


OnStep = Callable[[str, bool], None]  # revision id, and whether it is done: called before and after


class Tree:
    """The revisions in a project's ``migrations:``, oldest first. Raises ConfigError for a tree Alembic cannot read."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.files: TreeFiles = find_tree(project.migrations)
        with alembic_environment(self.files), tree_errors(self.files):
            self._script = ScriptDirectory.from_config(self._config())
            heads = self._script.get_heads()
            script_revisions = list(self._script.walk_revisions("base", "heads"))
        if len(heads) != 1:
            names = ", ".join(sorted(heads)) or "none"
            raise ConfigError(
                f"the Alembic tree has {len(heads)} heads, must have 1: {names}",
                at=Location(self.files.name),
                hint="join them: alembic merge heads"
                if heads
                else f"write a first revision: alembic revision; {NO_MIGRATIONS}",
            )
        self.head = heads[0]
        self.revisions = tuple(
            Revision(revision.revision, revision.doc, Path(revision.path), _commits_itself(Path(revision.path)))
            for revision in reversed(script_revisions)
        )

    def after(self, current: Collection[str]) -> tuple[Revision, ...] | None:
        """The revisions after ``current``, all when it is empty; None when the tree lacks one of ``current``."""
        if not self.knows(current):
            return None
        applied = self.ancestors(current)
        return tuple(revision for revision in self.revisions if revision.id not in applied)

    def knows(self, revisions: Collection[str]) -> bool:
        """Whether the tree has all of them."""
        return set(revisions) <= {revision.id for revision in self.revisions}

    def ancestors(self, revisions: Collection[str], *, include_self: bool = True) -> frozenset[str]:
        """The revisions that these build on; with ``include_self`` also these."""
        ancestors: set[str] = set()
        for revision in revisions:
            chain = {script_revision.revision for script_revision in self._script.iterate_revisions(revision, "base")}
            ancestors |= chain if include_self else chain - {revision}
        return frozenset(ancestors)

    @property
    def in_one_transaction(self) -> bool:
        """Whether env.py uses the connection passed to it, so that all revisions share the caller's transaction."""
        return self.files.takes_connection

    def version_table(self) -> str:
        """The qualified name of Alembic's version table, which env.py may choose."""
        return self.files.table or self._ask_env_for_version_table()

    def script(self, environment: Environment, current: Collection[str], conn: Connection) -> Script:
        """The SQL from ``current`` to the head, as Alembic's offline mode writes it. Changes nothing."""
        text, running, reason = io.StringIO(), [""], ""

        def on_step(revision: str, done: bool) -> None:
            running[0] = "" if done else revision

        with url_variables(self.files, conn) as url:
            try:
                config = self._config(environment, output=text, url=url)
                self._run(config, on_step=on_step, as_sql=True, starting_rev=tuple(current) or None)
            except PromoteError as error:
                reason = error.message
        return Script(text.getvalue(), running[0] if reason else "", reason)

    def upgrade(
        self,
        connection: SqlAlchemyConnection,
        environment: Environment,
        on_step: OnStep | None = None,
        *,
        revision: str = "head",
        separate_session: bool = False,
        notices: Notices | None = None,
    ) -> None:
        """Migrate the database to ``revision`` in the transaction open on ``connection``.

        An env.py that connects by itself uses its own transactions in the same database; with ``separate_session``
        one that takes a connection is given another session. In both cases ``connection`` only holds its locks.
        ``on_step`` is called before and after every revision. Raises TargetError, and ConfigError for a module that
        env.py cannot import.
        """
        conn: Any = connection.connection.driver_connection
        notices = notices or Notices(conn, environment.name)
        if self.in_one_transaction and not separate_session:
            self._run(self._config(environment, connection=connection), on_step=on_step, revision=revision)
            return
        with ExitStack() as stack:
            second = stack.enter_context(self._second_session(conn, environment))
            url = stack.enter_context(url_variables(self.files, second))
            stack.enter_context(checked_connections(self.files, conn, environment, notices))
            if not self.in_one_transaction:
                self._run(self._config(environment, url=url), on_step=on_step, revision=revision)
                return
            second.autocommit = False  # SQLAlchemy begins and commits
            notices.listen(second)
            self._run_on_session(second, environment, on_step, revision)

    @contextmanager
    def _second_session(self, conn: Connection, environment: Environment) -> Iterator[Connection]:
        """A second session on the database of ``conn``, past any pooler."""
        if conn.pooled:
            task, name = "a migration that commits by itself", "promote migrate"
            with owner_session(self.project, environment, task, application=name) as second:
                yield second
        else:
            with closed_after(sibling_connection(conn, environment.timeouts, "promote migrate")) as second:
                yield second

    def _run_on_session(
        self, conn: Connection, environment: Environment, on_step: OnStep | None, revision: str
    ) -> None:
        """Run env.py on ``conn``, where it commits by itself; another session holds the target's lock."""
        with engine_for_connection(conn).connect() as connection:
            config = self._config(environment, connection=connection)
            config.attributes["locked"] = True
            self._run(config, on_step=on_step, revision=revision)

    def _run(
        self, config: Config, *, on_step: OnStep | None = None, revision: str = "head", **options: Any
    ) -> EnvironmentContext:
        """Run env.py for the revisions up to ``revision``. Translates its exceptions into PromoteError."""
        running: list[str] = []

        def upgrade_steps(current: Any, _: Any) -> Iterator[Any]:
            # As alembic.command.upgrade(), with a call of on_step before and after each revision.
            for step in self._script._upgrade_revs(revision, current):
                running[:] = [step.revision.revision]
                if on_step is not None:
                    on_step(running[0], False)
                yield step
                if on_step is not None:
                    on_step(running[0], True)
                running.clear()

        context = EnvironmentContext(config, self._script, fn=upgrade_steps, destination_rev=revision, **options)
        with alembic_environment(self.files), context:
            sys.path[:0] = config.get_prepend_sys_paths_list() or []
            try:
                self._script.run_env()
            except PromoteError:
                raise
            except DBAPIError as error:
                raise target_error(_describe_activity(running), error.orig) from error
            except CommandError as error:
                raise TargetError(f"{_describe_activity(running)}: {error}") from error
            except ImportError as error:
                raise import_failure(error, self.files) from error
            except (Exception, SystemExit) as error:
                raise env_failure(error, self.files, _describe_activity(running)) from error
        return context

    def _ask_env_for_version_table(self) -> str:
        config = self._config(output=io.StringIO(), url="postgresql+psycopg://")
        context = self._run(config, revision="base", as_sql=True)
        migration_context = context.get_context()
        return f"{migration_context.version_table_schema or 'public'}.{migration_context.version_table}"

    def _config(
        self,
        environment: Environment | None = None,
        *,
        connection: SqlAlchemyConnection | None = None,
        output: io.StringIO | None = None,
        url: str = "",
    ) -> Config:
        files = self.files
        config = Config(files.ini, files.toml, stdout=io.StringIO(), output_buffer=output or io.StringIO())
        config.set_main_option("script_location", str(files.folder.absolute()).replace("%", "%%"))
        if url:
            config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
        if environment is not None:
            config.attributes |= {"kind": environment.kind, "lock_timeout": environment.timeouts.lock}
        if connection is not None:
            config.attributes["connection"] = connection
        if DIMENSIONS_VARIABLE in self.project.variables:
            config.attributes[DIMENSIONS_VARIABLE] = self.project.variables[DIMENSIONS_VARIABLE]
        return config


@dataclass(frozen=True, slots=True)
class Script:
    """Revisions written as SQL."""

    text: str
    failed_revision: str  # could not be written, as those after it; empty: all were written
    reason: str  # why it could not

    def by_revision(self) -> dict[str, str]:
        """The SQL of each revision by its id."""
        parts = _REVISION_HEADER.split(self.text)
        sections = dict(zip(parts[1::2], parts[2::2], strict=True))
        sections.pop(self.failed_revision, None)
        return sections


def _describe_activity(running: list[str]) -> str:
    return f"migration {running[0]}" if running else MIGRATING


def _commits_itself(path: Path) -> bool:
    try:
        return _COMMIT_CALL.search(decoded(read_bounded(path, MAX_REVISION_BYTES))) is not None
    except (FileNotFoundError, UnreadableError):
        return False
