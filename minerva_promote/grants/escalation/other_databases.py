"""Other databases of the server: what a role may do there, nothing here declares or compares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import listed, quoted
from minerva_promote.grants.grant_sql import grantee
from minerva_promote.grants.live_state import OtherDatabase
from minerva_promote.grants.model import END, OWNERSHIP, PUBLIC, Drift

_MEANS = {
    "CONNECT": "it may connect to a database in which nothing of this declaration holds",
    "CREATE": "it may create schemas in a database in which nothing of this declaration holds",
    "TEMPORARY": "it may create temporary tables in another database",
}
HELP = "declare it in the environment of that database, accept it with the reason, or run the statement yourself"


def database_drift(standing: EffectivePrivileges) -> Iterator[Drift]:
    """Owning another database, and privileges on one that no other environment declares.

    What PUBLIC has by itself (CONNECT, TEMPORARY) is no drift: see not_compared.
    """
    for other in standing.live.other_databases:
        for role in standing.roles:
            if standing.live.roles[role].superuser:
                continue  # told as that
            if other.owner == role:
                yield _owned(standing, other, role)
            has = other.privileges.get(role, frozenset())
            if has and (more := has - standing.declared_elsewhere(other.name, role)):
                yield _privileges(other, role, more, _MEANS[min(more)])
        if standing.roles and other.changeable and "CREATE" in other.privileges.get(PUBLIC, ()):
            yield _privileges(other, PUBLIC, {"CREATE"}, f"every role has it, {listed(standing.roles)} too")


def _owned(standing: EffectivePrivileges, other: OtherDatabase, role: str) -> Drift:
    fact = "its owner may drop and rename it, and do in it what nothing here declares or compares"
    statement = f"ALTER DATABASE {other.sql} OWNER TO {quoted(standing.live.admin)}"
    help_ = "accept it with the reason, or run the statement yourself"
    return Drift(
        "owns-other-database",
        role,
        f"database {other.name}",
        fact,
        (statement,),
        help_,
        automatic=False,
        phase=OWNERSHIP,
    )


def _privileges(other: OtherDatabase, role: str, privileges: Iterable[str], fact: str) -> Drift:
    names = ", ".join(sorted(privileges))
    statement = f"REVOKE {names} ON DATABASE {other.sql} FROM {grantee(role)}"
    help_ = HELP if other.changeable else f"{HELP} as {other.owner}"
    what = f"{names} on database {other.name}"
    return Drift("other-database", role, what, fact, (statement,), help_, automatic=False, phase=END)
