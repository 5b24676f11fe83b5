"""Ownership of, and privileges on, other databases of the server, whose contents are not compared here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import join_words, quote_name
from minerva_promote.grants.grant_sql import quote_grantee
from minerva_promote.grants.live_state import OtherDatabase
from minerva_promote.grants.model import PUBLIC, Drift, Phase

_EFFECTS = {
    "CONNECT": "it may connect to a database in which nothing of this declaration holds",
    "CREATE": "it may create schemas in a database in which nothing of this declaration holds",
    "TEMPORARY": "it may create temporary tables in another database",
}
HINT = "declare it in the environment of that database, accept it with the reason, or run the statement yourself"


def find_other_database_drift(effective: EffectivePrivileges) -> Iterator[Drift]:
    """Other databases that a role owns, and privileges on them that no other environment declares.

    What PUBLIC has by default (CONNECT, TEMPORARY) is no drift: see report.describe_not_compared.
    """
    for other in effective.live.other_databases:
        for role in effective.roles:
            if effective.live.roles[role].superuser:
                continue  # reported as a superuser
            if other.owner == role:
                yield _owner_drift(effective, other, role)
            privileges = other.privileges.get(role, frozenset())
            if privileges and (undeclared := privileges - effective.declared_elsewhere(other.name, role)):
                yield _privilege_drift(other, role, undeclared, _EFFECTS[min(undeclared)])
        if effective.roles and other.changeable and "CREATE" in other.privileges.get(PUBLIC, ()):
            yield _privilege_drift(other, PUBLIC, {"CREATE"}, f"every role has it, {join_words(effective.roles)} too")


def _owner_drift(effective: EffectivePrivileges, other: OtherDatabase, role: str) -> Drift:
    message = "its owner may drop and rename it, and do in it what nothing here declares or compares"
    statement = f"ALTER DATABASE {other.sql} OWNER TO {quote_name(effective.live.admin)}"
    hint = "accept it with the reason, or run the statement yourself"
    return Drift(
        "owns-other-database",
        role,
        f"database {other.name}",
        message,
        (statement,),
        hint,
        automatic=False,
        phase=Phase.CHANGE_OWNER,
    )


def _privilege_drift(other: OtherDatabase, role: str, privileges: Iterable[str], message: str) -> Drift:
    names = ", ".join(sorted(privileges))
    statement = f"REVOKE {names} ON DATABASE {other.sql} FROM {quote_grantee(role)}"
    hint = HINT if other.changeable else f"{HINT} as {other.owner}"
    what = f"{names} on database {other.name}"
    return Drift("other-database", role, what, message, (statement,), hint, automatic=False, phase=Phase.LAST)
