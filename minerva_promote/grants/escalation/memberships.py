"""Undeclared memberships: a role that can become another one can do what that one can."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges, Options
from minerva_promote.grants.escalation.membership_paths import (
    INCLUDED_ROLES,
    Edge,
    MembershipRows,
    describe_predefined_role,
    is_predefined,
    membership_rows,
    paths_to_groups,
)
from minerva_promote.grants.escalation.phrases import describe_attributes, join_words, quote_name
from minerva_promote.grants.escalation.revoke_membership import MembershipRevoke, RevokePlanner
from minerva_promote.grants.live_state import LiveState, MembershipRow
from minerva_promote.grants.model import Drift, Phase
from minerva_promote.text_format import counted


def find_membership_drift(effective: EffectivePrivileges) -> Iterator[Drift]:
    """Undeclared memberships, undeclared options of declared ones, and groups reached through other groups."""
    rows = membership_rows(effective.live)
    planner = RevokePlanner(effective, lambda row: _is_revoked(effective, row))
    for role in effective.roles:
        declared = effective.memberships.get(role, {})
        for group, group_rows in rows.get(role, {}).items():
            for row in group_rows:
                if group not in declared:
                    yield _undeclared_drift(effective.live, row, planner.plan_revoke(row))
                else:
                    yield from _option_drift(effective, row, declared[group], planner)
        yield from _indirect_drift(effective, role, rows, planner)


def _is_revoked(effective: EffectivePrivileges, row: MembershipRow) -> bool:
    """Whether a row of a declared role is undeclared, or its ADMIN is."""
    options = effective.memberships.get(row.member, {}).get(row.group)
    return options is None or (row.admin and not options.admin)


def _undeclared_drift(live: LiveState, row: MembershipRow, revoke: MembershipRevoke) -> Drift:
    code = "predefined-role" if is_predefined(row.group) else "membership"
    message = f"{_describe_options(live, row)}{_describe_group(live, row.group)}"
    return _drift(code, row.member, f"member of {row.group}", message, revoke)


def _describe_options(live: LiveState, row: MembershipRow) -> str:
    group = row.group
    admin_clause = ", and with ADMIN it gives the membership to any role" if row.admin else ""
    if row.inherit:
        set_role_clause = "" if row.set else ", though it may not SET ROLE"
        return f"it has every right of {group}{set_role_clause}{admin_clause}"
    if row.set:
        return f"without INHERIT, but SET ROLE takes on every right of {group}{admin_clause}"
    if row.admin:
        return f"with ADMIN alone it gives itself, or any role, every right of {group}"
    return f"without INHERIT, SET and ADMIN: today nothing of {group} comes with it"


def _describe_group(live: LiveState, group: str) -> str:
    """What the members of a group gain besides its privileges, as the end of a sentence."""
    if is_predefined(group):
        return f"; {describe_predefined_role(group)}"
    phrases = describe_attributes(live.roles.get(group))
    owned = [
        database_object
        for database_object in live.objects.values()
        if database_object.owner == group and not database_object.builtin
    ]
    count = sum(database_object.kind != "database" for database_object in owned)
    if live.database_owner == group:
        phrases.append("owns the database (and what pg_database_owner owns: schema public)")
    if count:
        phrases.append(f"owns {counted(count, 'objects')}")
    return f"; {group} {join_words(phrases)}" if phrases else ""


def _option_drift(
    effective: EffectivePrivileges, row: MembershipRow, declared: Options, planner: RevokePlanner
) -> Iterator[Drift]:
    """Options that a declared membership has and that are not declared."""
    group, role, live = row.group, row.member, effective.live
    if row.admin and not declared.admin:
        message = f"it may give {group} to any role, and itself the options that it lacks"
        yield _drift("membership-option", role, f"ADMIN of {group}", message, planner.plan_revoke(row, "ADMIN"))
    if row.inherit and not declared.inherit:
        message = f"it has the rights of {group} at once, not only after SET ROLE"
        revoke = (
            planner.plan_revoke(row, "INHERIT") if live.version >= 16 else _revoke_inherit_before_16(effective, role)
        )
        yield _drift("membership-option", role, f"INHERIT of {group}", message, revoke)
    if row.set and not declared.set:
        message = f"it may SET ROLE to {group}, make objects as that role and own what it owns"
        revoke = planner.plan_revoke(row, "SET") if live.version >= 16 else _revoke_set_before_16()
        yield _drift("membership-option", role, f"SET of {group}", message, revoke)


def _revoke_inherit_before_16(effective: EffectivePrivileges, role: str) -> MembershipRevoke:
    """NOINHERIT; before PostgreSQL 16 a role inherits from all its groups or from none."""
    declared = effective.memberships.get(role, {})
    if any(options.inherit for options in declared.values()):
        return MembershipRevoke(
            (), "before PostgreSQL 16 a role inherits from all its groups or from none: declare one way", False
        )
    return MembershipRevoke((f"ALTER ROLE {quote_name(role)} NOINHERIT",))


def _revoke_set_before_16() -> MembershipRevoke:
    return MembershipRevoke(
        (), "before PostgreSQL 16 every member may SET ROLE: declare set: true, or no membership", False
    )


def _indirect_drift(
    effective: EffectivePrivileges, role: str, rows: MembershipRows, planner: RevokePlanner
) -> Iterator[Drift]:
    """Groups that the role reaches through other groups, and not by declared memberships."""
    direct = rows.get(role, {})
    for group, path in sorted(paths_to_groups(rows, role).items()):
        if group in direct or group in effective.groups[role] or group in INCLUDED_ROLES.get(path[-1].member, ()):
            continue
        through = " and ".join(edge.group for edge in path[:-1])
        step = next(edge for edge in path if _is_undeclared(effective, edge))
        code, revoke = "membership-indirect", planner.plan_revoke(step.rows[0])
        message = f"as a member of {through} it gets to {group} too{_describe_group(effective.live, group)}"
        yield _drift(code, role, f"member of {group} through {through}", message, revoke)


def _is_undeclared(effective: EffectivePrivileges, edge: Edge) -> bool:
    return edge.group not in effective.memberships.get(edge.member, {})


def _drift(code: str, role: str, what: str, message: str, revoke: MembershipRevoke) -> Drift:
    return Drift(
        code, role, what, message, revoke.statements, hint=revoke.hint, automatic=revoke.automatic, phase=Phase.REVOKE
    )
