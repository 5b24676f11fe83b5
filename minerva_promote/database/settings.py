"""What holds in every transaction, whatever a role's, a database's or a pooler's defaults say.

Literals are read as the standard has them, times and numbers are written as programs read them, an acknowledged COMMIT
is on disk, and waiting is bounded.
"""

from __future__ import annotations

from minerva_promote.config.models.project import Timeouts

_IDLE_IN_TRANSACTION = "5min"

# Everything is named with its schema, operators too: what a database's default finds first is not trusted. The path is
# public, and where pgvector lives when that is another schema; nothing that others could fill. Not every release has
# transaction_timeout. A file is validated while the session waits, however long that takes.
_SETTINGS = """
select pg_catalog.pg_backend_pid(), pg_catalog.current_setting('idle_session_timeout', true),
    pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', 'public', (
        select pg_catalog.quote_ident(n.nspname)
        from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) e.extnamespace
        where e.extname operator(pg_catalog.=) 'vector' and n.nspname operator(pg_catalog.<>) 'public'), 'pg_temp'),
        {local}),
    pg_catalog.set_config('application_name', '{application}', {local}),
    pg_catalog.set_config('client_encoding', 'UTF8', {local}),
    pg_catalog.set_config('standard_conforming_strings', 'on', {local}),
    pg_catalog.set_config('quote_all_identifiers', 'off', {local}),
    pg_catalog.set_config('client_min_messages', 'notice', {local}),
    pg_catalog.set_config('TimeZone', 'UTC', {local}),
    pg_catalog.set_config('DateStyle', 'ISO, YMD', {local}),
    pg_catalog.set_config('IntervalStyle', 'iso_8601', {local}),
    pg_catalog.set_config('bytea_output', 'hex', {local}),
    pg_catalog.set_config('extra_float_digits', '1', {local}),
    pg_catalog.set_config('row_security', 'off', {local}),
    pg_catalog.set_config('lock_timeout', '{lock}', {local}),
    pg_catalog.set_config('statement_timeout', '{statement}', {local}),
    pg_catalog.set_config('idle_in_transaction_session_timeout', '{idle}', {local}),
    case when pg_catalog.texteq(pg_catalog.current_setting('synchronous_commit'), 'off')
        then pg_catalog.set_config('synchronous_commit', 'on', {local}) end,
    case when pg_catalog.current_setting('transaction_timeout', true) is not null
        then pg_catalog.set_config('transaction_timeout', '0', {local}) end
"""


def settings(timeouts: Timeouts, application: str, *, local: bool = True) -> bytes:
    """The statement that sets them, to the end of the transaction or, not ``local``, of the session.

    Its first column is the id of the server's process, its second the idle_session_timeout, which only a session has.
    """
    values = {
        "application": application,
        "lock": timeouts.lock,
        "statement": timeouts.statement,
        "idle": _IDLE_IN_TRANSACTION,
    }
    quoted = {name: value.replace("\\", "").replace("'", "''") for name, value in values.items()}
    return _SETTINGS.format(**quoted, local="true" if local else "false").strip().encode()
