"""Compares roles with their declaration: existence, login, connection limit, settings and memberships."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.config.models.roles import Membership, Role
from minerva_promote.database.quote import ident, sql_text
from minerva_promote.grants.escalation.settings import setting_weakness
from minerva_promote.grants.grant_sql import alter_role_setting, setting_parts
from minerva_promote.grants.live_state import LiveRole, LiveState
from minerva_promote.grants.model import Drift, Phase
from minerva_promote.grants.wanted import Wanted


def find_role_drift(live: LiveState, wanted: Wanted) -> Iterator[Drift]:
    """Roles that are missing or must be absent, and attributes, settings and memberships that differ."""
    for name in sorted(wanted.absent & set(live.roles)):
        yield _must_be_absent(live, wanted, name)
    for name, role in wanted.roles.items():
        present = live.roles.get(name)
        if present is None:
            yield _missing(wanted, name, role)
        else:
            yield from _attributes(wanted, role, present)
        yield from _settings(live, wanted, name, role, present)
        for group, options in sorted(role.memberships.items()):
            yield from _membership(live, wanted, name, group, options)


def _missing(wanted: Wanted, name: str, role: Role) -> Drift:
    clauses = [f"CREATE ROLE {sql_text(ident(name))}", "LOGIN" if role.login else "NOLOGIN"]
    if role.connection_limit is not None:
        clauses.append(f"CONNECTION LIMIT {role.connection_limit}")
    message = (
        "there is no such role; it is made with its declared password" if role.password else "there is no such role"
    )
    location = wanted.environment.location("roles", name)
    return Drift(
        "missing-role", name, f"role {name}", message, (" ".join(clauses),), location=location, phase=Phase.CREATE_ROLE
    )


def _must_be_absent(live: LiveState, wanted: Wanted, name: str) -> Drift:
    location, what, message = wanted.environment.location("roles", name), f"role {name}", "declared absent, and there"
    if live.roles[name].predefined or name == live.admin:
        why = "it comes with the server" if live.roles[name].predefined else "it is the admin identity (admin_url)"
        return Drift(
            "role-present", name, what, message, hint=f"it cannot be dropped: {why}", automatic=False, location=location
        )
    role = sql_text(ident(name))
    join_statement: tuple[str, ...] = ()
    if not live.admin_has_rights_of(name):
        options = " WITH INHERIT TRUE" if live.version >= 16 else ""
        join_statement = (f"GRANT {role} TO {sql_text(ident(live.admin))}{options}",)
    statements = (
        *join_statement,  # the creator of a role has ADMIN of it, and not yet its rights
        f"REASSIGN OWNED BY {role} TO {sql_text(ident(live.admin))}",
        f"DROP OWNED BY {role}",  # only privileges are left to drop
        f"DROP ROLE {role}",
    )
    return Drift("role-present", name, what, message, statements, location=location, phase=Phase.LAST)


def _attributes(wanted: Wanted, role: Role, present: LiveRole) -> Iterator[Drift]:
    name, location_of = present.name, wanted.environment.location
    alter = f"ALTER ROLE {sql_text(ident(name))}"
    if present.login != role.login:
        statement = f"{alter} {'LOGIN' if role.login else 'NOLOGIN'}"
        message = "it may not log in, and is declared to" if role.login else "it may log in, which is not declared"
        yield Drift(
            "login",
            name,
            "login",
            message,
            (statement,),
            location=location_of("roles", name, "login"),
            phase=Phase.ALTER_ROLE,
        )
    limit = role.connection_limit
    if limit is not None and limit != present.connection_limit:
        message = f"the limit is {present.connection_limit}, declared is {limit}"
        statement = f"{alter} CONNECTION LIMIT {limit}"
        location = location_of("roles", name, "connection_limit")
        yield Drift(
            "connection-limit",
            name,
            "connection limit",
            message,
            (statement,),
            location=location,
            phase=Phase.ALTER_ROLE,
        )


def _settings(live: LiveState, wanted: Wanted, name: str, role: Role, present: LiveRole | None) -> Iterator[Drift]:
    actual = dict(present.settings) if present else {}
    location = wanted.environment.location("roles", name, "settings")
    for key, value in sorted(role.settings.items()):
        if key not in actual or setting_parts(key, actual[key]) != setting_parts(key, value):
            message = f"is {actual[key]}, declared is {value}" if key in actual else f"not set, declared is {value}"
            statement = alter_role_setting(name, live.database, key, value)
            yield Drift(
                "setting", name, f"setting {key}", message, (statement,), location=location, phase=Phase.ALTER_ROLE
            )
    for key, value in sorted(actual.items()):
        if key not in role.settings and not setting_weakness(key, value):
            statement = alter_role_setting(name, live.database, key, None)
            message = f"is {value}, and nothing declares it"
            yield Drift(
                "undeclared", name, f"setting {key}", message, (statement,), location=location, phase=Phase.ALTER_ROLE
            )


def _membership(live: LiveState, wanted: Wanted, name: str, group: str, options: Membership) -> Iterator[Drift]:
    rows = [row for row in live.members if (row.group, row.member) == (group, name)]
    declared = {"ADMIN": options.admin, "INHERIT": options.inherit, "SET": options.set}
    actual = {
        "ADMIN": any(row.admin for row in rows),
        "INHERIT": any(row.inherit for row in rows),
        "SET": any(row.set for row in rows),
    }
    known = declared if live.version >= 16 else {"ADMIN": options.admin}
    lacking = [option for option, is_wanted in known.items() if is_wanted and not actual[option]]
    if rows and not lacking:
        return
    grant = f"GRANT {sql_text(ident(group))} TO {sql_text(ident(name))}"
    if live.version >= 16:
        grant += f" WITH {', '.join(f'{option} {str(value).upper()}' for option, value in declared.items())}"
    elif options.admin:
        grant += " WITH ADMIN OPTION"
    message = f"declared, and without {' and '.join(lacking)}" if rows else "declared, and not given"
    location = wanted.environment.location("roles", name, "member_of", group)
    yield Drift("missing", name, f"member of {group}", message, (grant,), location=location, phase=Phase.GRANT)
