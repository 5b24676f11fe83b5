"""What setup gives to the roles of an environment, and takes from PUBLIC."""

from __future__ import annotations

import psycopg

from minerva_promote.config.models import Role
from minerva_promote.config.project import Environment
from minerva_promote.database.catalog import Server, existing_roles
from minerva_promote.database.faults import attempt
from minerva_promote.database.quote import text
from minerva_promote.errors import ConfigError
from minerva_promote.grants.apply import apply_grants, revoke_statements, standings
from minerva_promote.grants.wanted import PUBLIC, Grant, column_grants, wanted_grants
from minerva_promote.ledger.install import CLIENT_COLUMNS, IMPORT_GRANTS, RUNS_TABLE
from minerva_promote.results import Finding, Outcome, Severity, StepResult


def import_role(environment: Environment) -> str | None:
    """The role that imports: the user of ``url``, or the declared one; None when neither says.

    Setting up works without the import role's URL.
    """
    try:
        return environment.url.user or environment.import_role
    except ConfigError:
        return environment.import_role


def ensure_privileges(conn: psycopg.Connection, environment: Environment, facts: Server) -> tuple[StepResult, ...]:
    """Give the declared roles what is declared, the import role what the ledger needs, and take from PUBLIC.

    In the transaction that is open. Nothing is taken from a declared role here. Raises TargetError when a privilege
    cannot be given; what cannot be taken from PUBLIC is a WARN.
    """
    wanted = {name: _declared(name, role, facts.database) for name, role in environment.roles.items()}
    importing = import_role(environment)
    # A superuser needs no grants, and the owner has made the ledger itself.
    needs_ledger = importing not in (None, facts.role) and not _is_superuser(conn, importing)
    if importing is not None and needs_ledger:
        wanted[importing] = wanted.get(importing, frozenset()) | _ledger_grants(importing, facts.database)
    steps = [_granted(conn, name, grants) for name, grants in wanted.items() if grants]
    undeclared = importing if needs_ledger and importing not in environment.roles else None
    return (*steps, _take_from_public(conn, facts.database, undeclared))


def _declared(name: str, role: Role, database: str) -> frozenset[Grant]:
    """What a role is declared to have. INSERT on the ledger means the columns that a client may set."""
    grants = wanted_grants(name, role.grants, database)
    whole = Grant(name, "table", RUNS_TABLE, "INSERT")
    if whole not in grants:
        return grants
    return grants - {whole} | column_grants(name, RUNS_TABLE, "INSERT", CLIENT_COLUMNS)


def _ledger_grants(role: str, database: str) -> frozenset[Grant]:
    return wanted_grants(role, IMPORT_GRANTS, database) | column_grants(role, RUNS_TABLE, "INSERT", CLIENT_COLUMNS)


def _is_superuser(conn: psycopg.Connection, role: str | None) -> bool:
    found = existing_roles(conn, [role] if role else []).get(role or "")
    return found is not None and found.superuser


def _granted(conn: psycopg.Connection, name: str, grants: frozenset[Grant]) -> StepResult:
    actions = apply_grants(conn, grants)
    detail = f"{len(actions)} given" if actions else "already there"
    data = {"statements": [action.sql for action in actions], "changed": bool(actions)}
    return StepResult("setup", f"grants to {name}", Outcome.OK, detail, data=data)


def _take_from_public(conn: psycopg.Connection, database: str, undeclared: str | None) -> StepResult:
    """Take from PUBLIC what every new role would have: objects in public, temporary tables, and the way in.

    The way in stays open as long as the import role is not declared: it may have no other.
    """
    unwanted = {Grant(PUBLIC, "schema", "public", "CREATE"), Grant(PUBLIC, "database", database, "TEMPORARY")}
    findings: list[Finding] = []
    connect = Grant(PUBLIC, "database", database, "CONNECT")
    if undeclared is None:
        unwanted.add(connect)
    else:
        fact = f"import role {undeclared} is not declared in roles: PUBLIC keeps CONNECT on database {database}"
        findings.append(
            Finding("undeclared-import-role", fact, help="declare it with its grants", severity=Severity.WARN)
        )
    had = [grant for grant, standing in standings(conn, unwanted).items() if standing.given]
    statements = [text(statement) for statement in revoke_statements(had) if attempt(conn, statement) is None]
    still = [grant for grant, standing in standings(conn, had).items() if standing.given]
    findings += [
        Finding(
            "public-privilege",
            f"PUBLIC has {grant.privilege} on {grant.kind} {grant.name}, and this role may not take it away",
            help=f"as its owner: {text(revoke_statements([grant])[0])}",
            severity=Severity.WARN,
        )
        for grant in still
    ]
    taken = len(had) - len(still)
    return StepResult(
        "setup",
        "grants to PUBLIC",
        Outcome.WARN if findings else Outcome.OK,
        f"{taken} taken away" if taken else "nothing to take away",
        findings=tuple(findings),
        data={"statements": statements if taken else [], "changed": bool(taken)},
    )
