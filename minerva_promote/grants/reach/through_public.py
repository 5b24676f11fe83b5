"""What PUBLIC has and a role therefore too, where the declaration does not say what PUBLIC shall have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from minerva_promote.grants.held import OTHERS, PUBLIC, TAKE, Drift, Slot, default_parts
from minerva_promote.grants.live import Entry, Live
from minerva_promote.grants.reach.standing import Standing
from minerva_promote.grants.reach.telling import listed
from minerva_promote.grants.statements import as_role, take

ORDINARY = {  # what every role has on new objects; functions and languages that bring more are told elsewhere
    "function": frozenset({"EXECUTE"}),
    "type": frozenset({"USAGE"}),
    "language": frozenset({"USAGE"}),
    "default functions": frozenset({"EXECUTE"}),
    "default types": frozenset({"USAGE"}),
}
RESTRICTED = {"function": "restricted-function", "table": "restricted-relation"}  # of the server or an extension

Parts = dict[str, set[str]]  # column ("" for the whole object) -> privileges
Extra = dict[tuple[Slot, str], tuple[Parts, set[str]]]  # (object, grantor; "" for the owner) -> what, and for whom


def public_drift(standing: Standing) -> Iterator[Drift]:
    """What some role has through PUBLIC and not by declaration, each object once."""
    if standing.wanted.public_declared:
        return
    extra: Extra = defaultdict(lambda: (defaultdict(set), set()))
    for entry in standing.live.entries:
        if entry.slot.grantee == PUBLIC:
            _add(standing, entry, extra)
    for (slot, grantor), (parts, roles) in sorted(extra.items(), key=lambda each: each[0]):
        yield _told(standing.live, slot, grantor, parts, sorted(roles))


def _add(standing: Standing, entry: Entry, extra: Extra) -> None:
    slot = entry.slot
    found = standing.live.objects.get(("table" if slot.kind == "column" else slot.kind, slot.name))
    builtin = found is not None and found.builtin
    privileges = entry.privileges - entry.initial
    if not (builtin and slot.kind in RESTRICTED):
        privileges -= ORDINARY.get(slot.kind, frozenset())
    whole = slot._replace(kind="table", column="") if slot.kind == "column" else slot
    grantor = entry.grantor if found is not None and found.owner != entry.grantor else ""
    for role in standing.roles if privileges else ():
        more = privileges - standing.declared(role, slot.kind, slot.name, slot.column)
        if slot.kind == "database" and not standing.live.roles[role].login:
            more -= {"CONNECT"}
        if more:
            parts, roles = extra[whole, grantor]
            parts[slot.column] |= more
            roles.add(role)


def _told(live: Live, slot: Slot, grantor: str, parts: Parts, roles: list[str]) -> Drift:
    found = live.objects.get((slot.kind, slot.name))
    code = RESTRICTED.get(slot.kind, "through-public") if found is not None and found.builtin else "through-public"
    what = f"{_words(parts)} on {_name(slot)}"
    why = f"every role has it, {listed(roles)} too"
    if code != "through-public":
        why += ", and the server or its extension keeps it from ordinary roles"
    statement = take(live, slot, parts)
    help_ = "other roles lose it too: give it by name to those that need it"
    if not grantor:
        return Drift(code, PUBLIC, what, why, (statement,), help=help_, phase=TAKE)
    why += f"; {grantor} gave it, not the owner, and only {grantor} can take it back"
    if live.admin_may_become(grantor):
        return Drift(code, PUBLIC, what, why, as_role(grantor, statement), help=help_, phase=OTHERS)
    help_ = f"as {grantor}, or as an administrator after SET ROLE: {statement}"
    return Drift(code, PUBLIC, what, why, help=help_, automatic=False, phase=OTHERS)


def _name(slot: Slot) -> str:
    if not slot.kind.startswith("default "):
        return f"{slot.kind} {slot.name}"
    owner, schema = default_parts(slot.name)
    where = f" in schema {schema}" if schema else ""
    return f"{slot.kind.removeprefix('default ')} that {owner} will make{where}"


def _words(parts: Parts) -> str:
    """``INSERT, UPDATE (title)``, the privileges of the whole object first."""
    words = sorted(parts.get("", ()))
    columns: dict[str, list[str]] = defaultdict(list)
    for column, privileges in parts.items():
        for privilege in privileges if column else ():
            columns[privilege].append(column)
    words += [f"{privilege} ({', '.join(sorted(names))})" for privilege, names in sorted(columns.items())]
    return ", ".join(words)
