"""The project's Alembic tree: its revisions, the SQL they are, and running them."""

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
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from minerva_promote.config.files import UnreadableError, decoded, read_bounded
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.connection import Connection as Session
from minerva_promote.database.notices import Notices
from minerva_promote.database.pooler import owner_session
from minerva_promote.database.server_errors import target_error
from minerva_promote.database.session import closed_after
from minerva_promote.database.sibling_connection import sibling_connection
from minerva_promote.errors import ConfigError, Location, PromoteError, TargetError
from minerva_promote.migrations.env_runner import at_home, own_connections, variables
from minerva_promote.migrations.on_connection import engine_for_connection
from minerva_promote.migrations.on_connection import transaction_for_alembic as transaction_for_alembic
from minerva_promote.migrations.tree_faults import broken, cannot_import, readable
from minerva_promote.migrations.tree_files import TreeFiles, find_tree

DIMENSIONS_VARIABLE = "embedding_dimensions"
MIGRATING = "migrating"

# Also op.execute("COMMIT") and execute(sa.text("commit")), as it was done before there were blocks.
_COMMITS = re.compile(
    r"""autocommit_block|(execute|exec_driver_sql)\(\s*([\w.]*text\(\s*)?[rf]?["']+\s*(commit|end)\b""", re.IGNORECASE
)
_RUNNING = re.compile(r"^-- Running upgrade (?:.*) -> (\w+).*\n+", re.MULTILINE)

_MOST = 64 << 20  # bytes of a revision


@dataclass(frozen=True, slots=True)
class Revision:
    """One step of the schema's history."""

    id: str
    message: str  # the first line of its file
    path: Path | None = None
    own_commits: bool = False  # it commits in between: what is before that cannot be taken back


OnStep = Callable[[str, bool], None]  # a revision: False before it, True after it


class Tree:
    """The revisions of ``migrations:`` of a project, oldest first. Raises ConfigError for a tree that is none."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.files: TreeFiles = find_tree(project.migrations)
        with at_home(self.files), readable(self.files):
            self._script = ScriptDirectory.from_config(self._config())
            heads = self._script.get_heads()
            walked = list(self._script.walk_revisions("base", "heads"))
        if len(heads) != 1:
            names = ", ".join(sorted(heads)) or "none"
            raise ConfigError(
                f"the Alembic tree has {len(heads)} heads, must have 1: {names}",
                at=Location(self.files.name),
                hint="join them: alembic merge heads" if heads else "write a first revision: alembic revision",
            )
        self.head = heads[0]
        self.revisions = tuple(
            Revision(step.revision, step.doc, Path(step.path), _commits(Path(step.path))) for step in reversed(walked)
        )

    def after(self, current: Collection[str]) -> tuple[Revision, ...] | None:
        """What follows these revisions; all for none; None where the tree does not have one of them."""
        if not self.knows(current):
            return None
        done = self.below(current)
        return tuple(step for step in self.revisions if step.id not in done)

    def knows(self, revisions: Collection[str]) -> bool:
        """Whether the tree has all of them."""
        return set(revisions) <= {step.id for step in self.revisions}

    def below(self, revisions: Collection[str], *, itself: bool = True) -> frozenset[str]:
        """What these revisions build on, and they themselves."""
        found: set[str] = set()
        for revision in revisions:
            steps = {step.revision for step in self._script.iterate_revisions(revision, "base")}
            found |= steps if itself else steps - {revision}
        return frozenset(found)

    @property
    def in_one_transaction(self) -> bool:
        """Whether env.py works on a connection that it is given: the transaction is the caller's then."""
        return self.files.takes_connection

    def version_table(self) -> str:
        """The qualified name of Alembic's table, which env.py may choose."""
        return self.files.table or self._asked_version_table()

    def script(self, environment: Environment, current: Collection[str], conn: Session) -> Script:
        """The SQL from these revisions to the head, as Alembic's offline mode writes it. Changes nothing."""
        text, begun, why = io.StringIO(), [""], ""

        def on_step(revision: str, done: bool) -> None:
            begun[0] = "" if done else revision

        with variables(self.files, conn) as url:
            try:
                config = self._config(environment, output=text, url=url)
                self._run(config, on_step=on_step, as_sql=True, starting_rev=tuple(current) or None)
            except PromoteError as error:
                why = error.message
        return Script(text.getvalue(), begun[0] if why else "", why)

    def upgrade(
        self,
        connection: Connection,
        environment: Environment,
        on_step: OnStep | None = None,
        *,
        revision: str = "head",
        apart: bool = False,
        notices: Notices | None = None,
    ) -> None:
        """Bring the database to the head, or to ``revision``, in the transaction that is open on ``connection``.

        An env.py that connects by itself does so in transactions of its own, in the same database, and ``apart`` gives
        one that would not another session: ``connection`` only keeps its locks then. ``on_step`` is called before and
        after every revision. Raises TargetError, and ConfigError for what env.py cannot import.
        """
        conn: Any = connection.connection.driver_connection
        notices = notices or Notices(conn, environment.name)
        if self.in_one_transaction and not apart:
            self._run(self._config(environment, connection=connection), on_step=on_step, revision=revision)
            return
        with ExitStack() as stack:
            other = stack.enter_context(self._session_beside(conn, environment))
            url = stack.enter_context(variables(self.files, other))
            stack.enter_context(own_connections(self.files, conn, environment, notices))
            if not self.in_one_transaction:
                self._run(self._config(environment, url=url), on_step=on_step, revision=revision)
                return
            other.autocommit = False  # SQLAlchemy says when
            notices.listen(other)
            self._on(other, environment, on_step, revision)

    @contextmanager
    def _session_beside(self, conn: Session, environment: Environment) -> Iterator[Session]:
        """Another session on the database of ``conn``, which no pooler shares."""
        if conn.pooled:
            task, name = "a migration that commits by itself", "promote migrate"
            with owner_session(self.project, environment, task, application=name) as other:
                yield other
        else:
            with closed_after(sibling_connection(conn, environment.timeouts, "promote migrate")) as other:
                yield other

    def _on(self, conn: Session, environment: Environment, on_step: OnStep | None, revision: str) -> None:
        """Run env.py on a connection of ours that it commits by itself; the target's lock is held by another."""
        with engine_for_connection(conn).connect() as connection:
            config = self._config(environment, connection=connection)
            config.attributes["locked"] = True
            self._run(config, on_step=on_step, revision=revision)

    def _run(
        self, config: Config, *, on_step: OnStep | None = None, revision: str = "head", **how: Any
    ) -> EnvironmentContext:
        """Run env.py over the steps to a revision."""
        at: list[str] = []

        def steps(current: Any, _: Any) -> Iterator[Any]:
            # What alembic.command.upgrade() does, with a word before and after each step.
            for step in self._script._upgrade_revs(revision, current):
                at[:] = [step.revision.revision]
                if on_step is not None:
                    on_step(at[0], False)
                yield step
                if on_step is not None:
                    on_step(at[0], True)
                at.clear()

        context = EnvironmentContext(config, self._script, fn=steps, destination_rev=revision, **how)
        with at_home(self.files), context:
            sys.path[:0] = config.get_prepend_sys_paths_list() or []
            try:
                self._script.run_env()
            except PromoteError:
                raise
            except DBAPIError as error:
                raise target_error(_doing(at), error.orig) from error
            except CommandError as error:
                raise TargetError(f"{_doing(at)}: {error}") from error
            except ImportError as error:
                raise cannot_import(error, self.files) from error
            except (Exception, SystemExit) as error:
                raise broken(error, self.files, _doing(at)) from error
        return context

    def _asked_version_table(self) -> str:
        config = self._config(output=io.StringIO(), url="postgresql+psycopg://")
        context = self._run(config, revision="base", as_sql=True)
        made = context.get_context()
        return f"{made.version_table_schema or 'public'}.{made.version_table}"

    def _config(
        self,
        environment: Environment | None = None,
        *,
        connection: Connection | None = None,
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
    """Revisions as SQL."""

    text: str
    broken: str  # the revision that could not be written, and those after it; empty: all were
    why: str

    def of_revisions(self) -> dict[str, str]:
        """The part of each revision, up to the next one."""
        parts = _RUNNING.split(self.text)
        found = dict(zip(parts[1::2], parts[2::2], strict=True))
        found.pop(self.broken, None)
        return found


def _doing(at: list[str]) -> str:
    return f"migration {at[0]}" if at else MIGRATING


def _commits(path: Path) -> bool:
    try:
        return _COMMITS.search(decoded(read_bounded(path, _MOST))) is not None
    except (FileNotFoundError, UnreadableError):
        return False
