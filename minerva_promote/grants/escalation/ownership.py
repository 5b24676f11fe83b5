"""What roles own: an owner's rights do not stand in any access list, and no REVOKE ends them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import quoted, rights
from minerva_promote.grants.live_state import LiveState, OwnedObject
from minerva_promote.grants.model import OWNERSHIP, Drift

KEYWORDS: Mapping[str, str] = {  # the server's word for a kind, where ALTER has another one
    "aggregate": "ROUTINE",
    "composite type": "TYPE",
    "domain": "TYPE",
    "enum": "TYPE",
    "foreign-data wrapper": "FOREIGN DATA WRAPPER",
    "function": "ROUTINE",
    "procedure": "ROUTINE",
    "statistics object": "STATISTICS",
}
WITHOUT_OWNER_CLAUSE = ("extension",)  # ALTER … OWNER does not exist
ROWS = ("table", "foreign table", "partitioned table")
WITH_OWNERS_RIGHTS = ("view", "materialized view", "event trigger", "subscription")  # beside SECURITY DEFINER


def ownership_drift(standing: EffectivePrivileges) -> Iterator[Drift]:
    """Everything that a role owns, except what follows its table, its type or an extension of the same role."""
    extensions = {(each.role, each.name) for each in standing.live.owned if each.kind == "extension"}
    definers = {_short(each.sql) for each in standing.live.routines if each.security_definer}
    for owned in sorted(standing.live.owned, key=lambda each: (each.role, each.kind, each.name)):
        part = (owned.role, quoted(owned.extension)) in extensions or (owned.role, owned.extension) in extensions
        if owned.role in standing.roles and not owned.follows and not part:
            yield _told(standing.live, owned, definers)


def _told(live: LiveState, owned: OwnedObject, definers: set[str]) -> Drift:
    what = f"{owned.kind} {_short(owned.name)}"
    code = {"database": "owns-database", "schema": "owns-schema"}.get(owned.kind, "owns-object")
    if owned.kind in WITHOUT_OWNER_CLAUSE:
        help_ = f"no statement gives it to another role: drop the {what} and have {live.admin} make it again"
        return Drift(code, owned.role, what, _fact(live, owned), help=help_, automatic=False, phase=OWNERSHIP)
    keyword = KEYWORDS.get(owned.kind, owned.kind.upper())
    statement = f"ALTER {keyword} {owned.name} OWNER TO {quoted(live.admin)}"
    help_ = ""
    if owned.kind in WITH_OWNERS_RIGHTS or _short(owned.name) in definers:
        help_ = f"read its definition first: from then on it runs with {rights(live, live.admin)}"
    return Drift(
        code, owned.role, what, _fact(live, owned), (statement,), help=help_, automatic=not help_, phase=OWNERSHIP
    )


def _short(name: str) -> str:
    """A routine's arguments as they are called elsewhere: ``f(uuid)``."""
    return name.replace("pg_catalog.", "")


def _fact(live: LiveState, owned: OwnedObject) -> str:
    if owned.kind == "database":
        return _of_database(live)
    if owned.kind == "schema":
        return "its owner may drop everything that is in it, whoever owns that, and make anything in it"
    if owned.kind in ROWS:
        return "its owner may alter and drop it, read and change every row, and give it to others, whatever is granted"
    if owned.kind in ("function", "procedure", "aggregate"):
        return "its owner may replace what it does for everybody who calls it, and drop it"
    if owned.kind == "tablespace":
        return "its owner may put tables into it, and rename and drop it"
    return "its owner may alter and drop it, and give it to others, whatever is granted"


def _of_database(live: LiveState) -> str:
    public = live.objects.get(("schema", "public"))
    start = "its owner may drop and rename it and make schemas in it"
    if public is not None and public.owner == "pg_database_owner":
        start += "; it owns schema public through pg_database_owner, and so may drop every table there"
    return start
