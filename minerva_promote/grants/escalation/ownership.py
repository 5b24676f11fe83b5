"""What roles own: the rights of an owner are in no access list, and no REVOKE ends them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import describe_rights, quote_name
from minerva_promote.grants.live_state import LiveState, OwnedObject
from minerva_promote.grants.model import Drift, Phase

ALTER_KEYWORDS: Mapping[
    str, str
] = {  # kind in pg_identify_object's words -> keyword of ALTER, where it is another word
    "aggregate": "ROUTINE",
    "composite type": "TYPE",
    "domain": "TYPE",
    "enum": "TYPE",
    "foreign-data wrapper": "FOREIGN DATA WRAPPER",
    "function": "ROUTINE",
    "procedure": "ROUTINE",
    "statistics object": "STATISTICS",
}
WITHOUT_OWNER_CLAUSE = ("extension",)  # there is no ALTER … OWNER TO
TABLE_KINDS = ("table", "foreign table", "partitioned table")
WITH_OWNERS_RIGHTS = ("view", "materialized view", "event trigger", "subscription")  # besides SECURITY DEFINER


def find_ownership_drift(effective: EffectivePrivileges) -> Iterator[Drift]:
    """What a role owns, except what follows its table or type, or is part of an extension of the same role."""
    extensions = {(owned.role, owned.name) for owned in effective.live.owned if owned.kind == "extension"}
    security_definers = {_short_name(owned.sql) for owned in effective.live.routines if owned.security_definer}
    for owned in sorted(effective.live.owned, key=lambda owned: (owned.role, owned.kind, owned.name)):
        is_extension_member = (owned.role, quote_name(owned.extension)) in extensions or (
            owned.role,
            owned.extension,
        ) in extensions
        if owned.role in effective.roles and not owned.follows and not is_extension_member:
            yield _drift(effective.live, owned, security_definers)


def _drift(live: LiveState, owned: OwnedObject, security_definers: set[str]) -> Drift:
    what = f"{owned.kind} {_short_name(owned.name)}"
    code = {"database": "owns-database", "schema": "owns-schema"}.get(owned.kind, "owns-object")
    if owned.kind in WITHOUT_OWNER_CLAUSE:
        hint = f"no statement gives it to another role: drop the {what} and have {live.admin} make it again"
        return Drift(
            code,
            owned.role,
            what,
            _describe_ownership(live, owned),
            hint=hint,
            automatic=False,
            phase=Phase.CHANGE_OWNER,
        )
    keyword = ALTER_KEYWORDS.get(owned.kind, owned.kind.upper())
    statement = f"ALTER {keyword} {owned.name} OWNER TO {quote_name(live.admin)}"
    hint = ""
    if owned.kind in WITH_OWNERS_RIGHTS or _short_name(owned.name) in security_definers:
        hint = f"read its definition first: from then on it runs with {describe_rights(live, live.admin)}"
    return Drift(
        code,
        owned.role,
        what,
        _describe_ownership(live, owned),
        (statement,),
        hint=hint,
        automatic=not hint,
        phase=Phase.CHANGE_OWNER,
    )


def _short_name(name: str) -> str:
    """The name with argument types as in Slot.name: ``f(uuid)``."""
    return name.replace("pg_catalog.", "")


def _describe_ownership(live: LiveState, owned: OwnedObject) -> str:
    if owned.kind == "database":
        return _describe_database_ownership(live)
    if owned.kind == "schema":
        return "its owner may drop everything that is in it, whoever owns that, and make anything in it"
    if owned.kind in TABLE_KINDS:
        return "its owner may alter and drop it, read and change every row, and give it to others, whatever is granted"
    if owned.kind in ("function", "procedure", "aggregate"):
        return "its owner may replace what it does for everybody who calls it, and drop it"
    if owned.kind == "tablespace":
        return "its owner may put tables into it, and rename and drop it"
    return "its owner may alter and drop it, and give it to others, whatever is granted"


def _describe_database_ownership(live: LiveState) -> str:
    public = live.objects.get(("schema", "public"))
    start = "its owner may drop and rename it and make schemas in it"
    if public is not None and public.owner == "pg_database_owner":
        start += "; it owns schema public through pg_database_owner, and so may drop every table there"
    return start
