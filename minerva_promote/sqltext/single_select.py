"""Check that SQL is one SELECT that only reads, as a first defence before the server's read-only transaction."""

from __future__ import annotations

from minerva_promote.errors import ConfigError, Location
from minerva_promote.sql_parser import parse
from minerva_promote.sqltext.select_ast import nodes

# Nodes of a parse tree that write, lock or create.
_WRITES = {
    "InsertStmt": "INSERT",
    "UpdateStmt": "UPDATE",
    "DeleteStmt": "DELETE",
    "MergeStmt": "MERGE",
    "IntoClause": "SELECT INTO",
    "LockingClause": "FOR UPDATE or FOR SHARE",
}

# Functions whose effect survives a rollback or reaches beyond the transaction. Not complete: user-defined functions
# may call them.
_EFFECTS = (
    "dblink",
    "lo_",
    "nextval",
    "pg_advisory_",
    "pg_cancel_backend",
    "pg_notify",
    "pg_promote",
    "pg_reload_conf",
    "pg_terminate_backend",
    "pg_try_advisory_",
    "set_config",
    "setval",
)


def require_one_select(sql: str, at: Location) -> None:
    """Raise ConfigError unless ``sql`` is exactly one SELECT (or VALUES) that writes nothing."""
    try:
        tree = parse(sql)
        messages = list(nodes(tree))
    except Exception as error:  # a syntax error, or nesting that no parser follows
        raise ConfigError(f"does not render to valid SQL: {_reason(error)}", at=at, hint=_line(sql, error)) from error
    if len(tree.stmts) != 1:
        raise ConfigError(f"renders to {len(tree.stmts)} statements; a check is exactly one SELECT", at=at)
    kind = tree.stmts[0].stmt.WhichOneof("node")
    if kind != "select_stmt":
        raise ConfigError(
            f"renders to {str(kind).removesuffix('_stmt').replace('_', ' ').upper()}; a check is exactly one SELECT",
            at=at,
        )
    for node in messages:
        name = node.DESCRIPTOR.name
        if name in _WRITES:
            raise ConfigError(f"contains {_WRITES[name]}; a check only reads", at=at)
        if name == "FuncCall" and node.funcname:
            function = node.funcname[-1].string.sval
            if function.startswith(_EFFECTS):
                raise ConfigError(
                    f"calls {function}(), whose effect a rollback does not undo; a check only reads", at=at
                )


def uses_parameter(sql: str) -> bool:
    """Whether ``sql``, which must be valid, has a parameter such as ``$1``."""
    return any(node.DESCRIPTOR.name == "ParamRef" for node in nodes(parse(sql)))


def _reason(error: Exception) -> str:
    return str(getattr(error, "message", "")) or f"{type(error).__name__}: {error}"


def _line(sql: str, error: Exception) -> str:
    """The line at which the parser stopped, as a hint; empty when it named none."""
    position = int(getattr(error, "cursorpos", 0) or 0)
    if not position:
        return ""
    before = sql[: position - 1]
    number = before.count("\n") + 1
    return f"line {number} of the rendered SQL: {sql.splitlines()[number - 1].strip()[:100]}"
