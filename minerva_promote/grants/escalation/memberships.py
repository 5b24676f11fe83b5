"""Memberships: whoever can become another role, in whatever way, can do what that role can."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges, Options
from minerva_promote.grants.escalation.membership_paths import Edge, Rows, reached, rows_of
from minerva_promote.grants.escalation.phrases import attributes, listed, quoted
from minerva_promote.grants.escalation.predefined import PARTS, allows, is_predefined
from minerva_promote.grants.escalation.revoke_membership import MembershipRevoke, RevokePlanner
from minerva_promote.grants.live_state import LiveState, Member
from minerva_promote.grants.model import TAKE, Drift
from minerva_promote.text_format import counted


def membership_drift(standing: EffectivePrivileges) -> Iterator[Drift]:
    """Every undeclared membership, every option beyond the declared ones, and every role that is reached so."""
    rows = rows_of(standing.live)
    revoking = RevokePlanner(standing, lambda row: _goes(standing, row))
    for role in standing.roles:
        declared = standing.memberships.get(role, {})
        for group, found in rows.get(role, {}).items():
            for row in found:
                if group not in declared:
                    yield _undeclared(standing.live, row, revoking.ending(row))
                else:
                    yield from _options(standing, row, declared[group], revoking)
        yield from _indirect(standing, role, rows, revoking)


def _goes(standing: EffectivePrivileges, row: Member) -> bool:
    """Whether a row of a declared role is undeclared, or its ADMIN is."""
    options = standing.memberships.get(row.member, {}).get(row.group)
    return options is None or (row.admin and not options.admin)


def _undeclared(live: LiveState, row: Member, ending: MembershipRevoke) -> Drift:
    code = "predefined-role" if is_predefined(row.group) else "membership"
    fact = f"{_how(live, row)}{_brings(live, row.group)}"
    return _drift(code, row.member, f"member of {row.group}", fact, ending)


def _how(live: LiveState, row: Member) -> str:
    group = row.group
    giving = ", and with ADMIN it gives the membership to any role" if row.admin else ""
    if row.inherit:
        become = "" if row.set else ", though it may not SET ROLE"
        return f"it has every right of {group}{become}{giving}"
    if row.set:
        return f"without INHERIT, but SET ROLE takes on every right of {group}{giving}"
    if row.admin:
        return f"with ADMIN alone it gives itself, or any role, every right of {group}"
    return f"without INHERIT, SET and ADMIN: today nothing of {group} comes with it"


def _brings(live: LiveState, group: str) -> str:
    """What stands behind a group, as the end of a sentence."""
    if is_predefined(group):
        return f"; {allows(group)}"
    words = attributes(live.roles.get(group))
    owned = [each for each in live.objects.values() if each.owner == group and not each.builtin]
    number = sum(each.kind != "database" for each in owned)
    if live.database_owner == group:
        words.append("owns the database (and what pg_database_owner owns: schema public)")
    if number:
        words.append(f"owns {counted(number, 'objects')}")
    return f"; {group} {listed(words)}" if words else ""


def _options(standing: EffectivePrivileges, row: Member, declared: Options, revoking: RevokePlanner) -> Iterator[Drift]:
    """The options that a declared membership has beyond those that are declared."""
    group, role, live = row.group, row.member, standing.live
    if row.admin and not declared.admin:
        fact = f"it may give {group} to any role, and itself the options that it lacks"
        yield _drift("membership-option", role, f"ADMIN of {group}", fact, revoking.ending(row, "ADMIN"))
    if row.inherit and not declared.inherit:
        fact = f"it has the rights of {group} at once, not only after SET ROLE"
        ending = revoking.ending(row, "INHERIT") if live.version >= 16 else _no_inherit(standing, role)
        yield _drift("membership-option", role, f"INHERIT of {group}", fact, ending)
    if row.set and not declared.set:
        fact = f"it may SET ROLE to {group}, make objects as that role and own what it owns"
        ending = revoking.ending(row, "SET") if live.version >= 16 else _always_set()
        yield _drift("membership-option", role, f"SET of {group}", fact, ending)


def _no_inherit(standing: EffectivePrivileges, role: str) -> MembershipRevoke:
    """Before PostgreSQL 16 a role inherits from all its groups or from none."""
    declared = standing.memberships.get(role, {})
    if any(options.inherit for options in declared.values()):
        return MembershipRevoke(
            (), "before PostgreSQL 16 a role inherits from all its groups or from none: declare one way", False
        )
    return MembershipRevoke((f"ALTER ROLE {quoted(role)} NOINHERIT",))


def _always_set() -> MembershipRevoke:
    return MembershipRevoke(
        (), "before PostgreSQL 16 every member may SET ROLE: declare set: true, or no membership", False
    )


def _indirect(standing: EffectivePrivileges, role: str, rows: Rows, revoking: RevokePlanner) -> Iterator[Drift]:
    """Groups behind groups that no declaration leads to."""
    direct = rows.get(role, {})
    for group, way in sorted(reached(rows, role).items()):
        if group in direct or group in standing.groups[role] or group in PARTS.get(way[-1].member, ()):
            continue
        through = " and ".join(edge.group for edge in way[:-1])
        step = next(edge for edge in way if _is_undeclared(standing, edge))
        code, ending = "membership-indirect", revoking.ending(step.rows[0])
        fact = f"as a member of {through} it gets to {group} too{_brings(standing.live, group)}"
        yield _drift(code, role, f"member of {group} through {through}", fact, ending)


def _is_undeclared(standing: EffectivePrivileges, edge: Edge) -> bool:
    return edge.group not in standing.memberships.get(edge.member, {})


def _drift(code: str, role: str, what: str, fact: str, ending: MembershipRevoke) -> Drift:
    return Drift(code, role, what, fact, ending.statements, help=ending.help, automatic=ending.automatic, phase=TAKE)
