"""How Alembic reaches the database: on the connection that promote passes in, or by itself.

By itself (``alembic upgrade head``) it reads PRODUCTION_ADMIN_DATABASE_URL, or else PRODUCTION_DATABASE_URL, takes
embedding_dimensions from promote.yaml and the kind production; ``-x kind=local -x embedding_dimensions=3`` say
otherwise, ``-x lock_timeout=1min`` waits longer, ``-x lose_data=yes`` allows a downgrade to throw values away.

All revisions run in one transaction, under the lock that runs of promote take, with search_path pinned. They read
the kind and the length of the vectors from ``op.get_context().opts``.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from alembic.util import CommandError
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from alembic import context
from minerva_promote.config.load import find_root, load_project
from minerva_promote.config.models import Timeouts
from minerva_promote.database.lock import LOCK_STATEMENT
from minerva_promote.errors import PromoteError

URL_VARIABLES = ("PRODUCTION_ADMIN_DATABASE_URL", "PRODUCTION_DATABASE_URL")
HERE = Path(__file__).resolve().parent

# Only public, where the tables are made, and the schema of pgvector where that is another one.
SEARCH_PATH = """
SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', 'public', (
    SELECT pg_catalog.quote_ident(n.nspname)
    FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
    WHERE e.extname = 'vector' AND n.nspname <> 'public'), 'pg_temp'), true)
"""


def options() -> dict[str, Any]:
    """What the revisions depend on: promote's attributes first, then -x, then promote.yaml."""
    given: dict[str, Any] = {**context.get_x_argument(as_dictionary=True), **context.config.attributes}
    kind = given.get("kind", "production")
    if kind not in ("local", "production"):
        raise CommandError(f'kind is "{kind}", must be local or production')
    dimensions = given.get("embedding_dimensions")
    if dimensions is None:
        dimensions = load_project(HERE).variables.get("embedding_dimensions")
    if dimensions is None or not str(dimensions).isdecimal() or not 1 <= int(dimensions) <= 16000:
        raise CommandError(f"embedding_dimensions is {dimensions!r}, must be a number from 1 to 16000")
    return {
        "kind": kind,
        "embedding_dimensions": int(dimensions),
        "lose_data": given.get("lose_data") == "yes",
        "lock_timeout": given.get("lock_timeout", Timeouts().lock),
    }


def migrate(**how: Any) -> None:
    """Run what was asked for in one transaction; one that is already open stays open."""
    opts = options()
    on_apply = context.config.attributes.get("on_version_apply")
    context.configure(transaction_per_migration=False, on_version_apply=on_apply, **how, **opts)
    with context.begin_transaction():
        lock_timeout = str(opts["lock_timeout"]).replace("'", "''")
        context.execute(SEARCH_PATH)
        context.execute(f"SET LOCAL lock_timeout = '{lock_timeout}'")
        context.execute(LOCK_STATEMENT)
        context.run_migrations()


def connect_and_migrate() -> None:
    """Open a connection to the production database, and close it again."""
    from minerva_promote.config.dotenv import read_dotenv
    from minerva_promote.config.secrets import process_lookup
    from minerva_promote.config.url import FORMAT, parse_url
    from minerva_promote.database.session import connect

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logger = logging.getLogger("alembic")
    logger.setLevel(logging.INFO)
    root = find_root(HERE)
    lookup = process_lookup(os.environ, read_dotenv(root / ".env"))
    name, url = next(((name, url) for name in URL_VARIABLES if (url := lookup(name))), ("", ""))
    if not url:
        raise CommandError(f"neither {' nor '.join(URL_VARIABLES)} is set; the format is {FORMAT}")
    target = parse_url(url, name=name)

    def creator() -> Any:
        connection = connect(target, root, Timeouts(), application="alembic")
        connection.add_notice_handler(lambda diag: logger.warning("notice: %s", diag.message_primary))
        return connection

    # The dialect alone: host, user and password stay with the creator and in no message of SQLAlchemy.
    with create_engine("postgresql+psycopg://", creator=creator, poolclass=NullPool).connect() as connection:
        migrate(connection=connection)


def said(error: PromoteError | DBAPIError) -> str:
    """The fact and the way out, without the statement and the traceback."""
    if isinstance(error, PromoteError):
        return f"{error}; {error.hint}" if error.hint else str(error)
    diag = getattr(error.orig, "diag", None)
    facts = [getattr(diag, name, None) for name in ("message_primary", "message_detail", "message_hint")]
    return "; ".join(fact for fact in facts if fact) or str(error.orig)


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    migrate(connection=given)
else:
    try:
        if context.is_offline_mode():
            migrate(dialect_name="postgresql", literal_binds=True)
        else:
            connect_and_migrate()
    except (PromoteError, DBAPIError) as error:
        raise CommandError(said(error)) from None
