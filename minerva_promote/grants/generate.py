"""Generates the declaration of what a live database has, to be reviewed and put into its environment."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from minerva_promote.config.models.project import Grants, Role
from minerva_promote.config.models.roles import Membership, qualified
from minerva_promote.config.privileges import DEFAULT_KINDS
from minerva_promote.config.project import Environment, Project
from minerva_promote.config.yaml_text import dump_yaml
from minerva_promote.database.session import admin_session
from minerva_promote.grants.inspect import inspect
from minerva_promote.grants.live_state import AclEntry, LiveState
from minerva_promote.grants.model import PUBLIC, Drift, split_default_privileges_name
from minerva_promote.grants.plan import compare
from minerva_promote.grants.wanted import YAML_KEYS, resolve_wanted
from minerva_promote.text_format import one_line

ACCEPT_REASON = "found by --generate: say why it is wanted, or take it away"
KEYS_IN_PUBLIC = (
    "tables",
    "columns",
    "sequences",
    "functions",
    "types",
)  # keys whose names are in public without a schema
DEFAULT_KEYS = {kind: key for key, kind in DEFAULT_KINDS.items()}
FUNCTION_CODES = ("security-definer", "untrusted-function")


def generate(project: Project, environment: Environment) -> str:
    """YAML for ``public:``, ``roles:`` and ``accept:`` with which a comparison finds no drift.

    What no declaration can express (attributes, ownership, …) becomes an ``accept:`` entry of its role. Reads as the
    admin identity.
    """
    with admin_session(project, environment) as conn:
        all_roles = inspect(conn, ()).roles
        live = inspect(conn, [name for name, role in all_roles.items() if not role.predefined])
        chosen, left_out = _chosen(live, environment)
        functions = {slot.name for slot in (entry.slot for entry in live.entries) if slot.kind == "function"}
        functions |= {routine.name for routine in live.routines}
        functions |= {_short_name(name) for name in functions}  # as the declaration names them
        live = inspect(conn, chosen, functions)
        chosen = [name for name in chosen if name in live.roles]  # they may have been dropped meanwhile
    values = _declaration(live, environment, chosen)
    return _text(live, environment, values, left_out)


def _chosen(live: LiveState, environment: Environment) -> tuple[list[str], dict[str, str]]:
    """The roles that have something in this database, and role -> reason for those that are left out."""
    candidates = {entry.slot.grantee for entry in live.entries} - {PUBLIC}
    candidates |= {owned.role for owned in live.owned} | {mapping.role for mapping in live.mappings} - {PUBLIC}
    candidates |= {name for name, role in live.roles.items() if role.settings}
    candidates |= {name for name, role in environment.roles.items() if not role.absent and name in live.roles}
    left_out: dict[str, str] = {}
    new = candidates
    while new:  # their groups, directly or indirectly
        new = {membership.group for membership in live.members if membership.member in candidates} - candidates
        candidates = candidates | new
    for name in sorted(candidates):
        role = live.roles[name]
        if name == live.admin:
            left_out[name] = "the admin identity"
        elif role.superuser and name not in environment.roles:
            left_out[name] = "a superuser"
        elif name == live.database_owner and name not in environment.roles:
            left_out[name] = "owns the database"
        elif role.predefined:
            left_out[name] = ""
    chosen = sorted(candidates - set(left_out))
    return chosen, {name: why for name, why in left_out.items() if why}


def _declaration(live: LiveState, environment: Environment, chosen: Iterable[str]) -> dict[str, Any]:
    """``public`` and ``roles`` as values with which a comparison finds no drift."""
    by_grantee: dict[str, list[AclEntry]] = defaultdict(list)
    for entry in live.entries:
        by_grantee[entry.slot.grantee].append(entry)
    values: dict[str, Any] = {"public": _grants(by_grantee[PUBLIC]), "roles": {}}
    for name in chosen:
        values["roles"][name] = _role(live, environment, name, by_grantee[name], chosen)
    for drift in _remaining(live, environment, values):
        if (
            drift.role == PUBLIC and drift.code in FUNCTION_CODES and drift.automatic
        ):  # callable by name: EXECUTE can be declared
            routine = drift.what.removeprefix("function ")
            values["public"].setdefault("functions", {})[_short_name(routine)] = ["EXECUTE"]
    for drift in _remaining(live, environment, values):
        holder = values if drift.role == PUBLIC else values["roles"][drift.role]
        holder.setdefault("accept", []).append({"code": drift.code, "object": drift.what, "why": ACCEPT_REASON})
    return values


def _remaining(live: LiveState, environment: Environment, values: Mapping[str, Any]) -> tuple[Drift, ...]:
    """The drift that a comparison with these values finds."""
    roles = {name: Role.model_validate(_frozen(value)) for name, value in values["roles"].items()}
    public = Grants.model_validate(_frozen(values["public"]))
    return compare(live, replace(environment, roles=roles, public=public, accept=())).drifts


def _frozen(value: Any) -> Any:
    """The value as the configuration reader returns it: with tuples for lists."""
    if isinstance(value, dict):
        return {key: _frozen(inner) for key, inner in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _role(
    live: LiveState, environment: Environment, name: str, entries: Iterable[AclEntry], chosen: Iterable[str]
) -> dict[str, Any]:
    role = live.roles[name]
    values: dict[str, Any] = {"login": role.login}
    if role.login:
        values["password"] = _variable(name)
    if role.connection_limit != -1:
        values["connection_limit"] = role.connection_limit
    if role.settings:
        values["settings"] = dict(sorted(role.settings.items()))
    if groups := _groups(live, name, chosen):
        values["member_of"] = groups
    entries = list(entries)
    ledger = _ledger(live, environment, name, entries)
    values["ledger"] = ledger
    grants = _grants(_without_ledger(live, environment, name, ledger, entries))
    if grants:
        values["grants"] = grants
    return values


def _short_name(name: str) -> str:
    """The name without ``public.``, unless what remains would be read as a name in another schema."""
    short = name.removeprefix("public.")
    return short if qualified(short) == name else name


def _variable(role: str) -> str:
    """A reference to the variable of a role's password, empty by default."""
    return f"${{{re.sub('^(?=[0-9])|[^A-Z0-9]', '_', role.upper())}_PASSWORD:-}}"


def _groups(live: LiveState, name: str, chosen: Iterable[str]) -> list[str] | dict[str, Any]:
    """The chosen or predefined groups of a role, with their options where those are not the defaults."""
    groups: dict[str, Membership] = {}
    for membership in live.members:
        if membership.member == name and (membership.group in chosen or membership.group.startswith("pg_")):
            before = groups.get(membership.group, Membership(inherit=False, set=False, admin=False))
            groups[membership.group] = Membership(
                inherit=before.inherit or membership.inherit,
                set=before.set or membership.set,
                admin=before.admin or membership.admin,
            )
    if all(options == Membership() for options in groups.values()):
        return sorted(groups)
    return {group: options.model_dump(exclude_defaults=True) for group, options in sorted(groups.items())}


def _ledger(live: LiveState, environment: Environment, name: str, entries: list[AclEntry]) -> str:
    """The highest value of ``ledger:`` whose privileges the role has."""
    held_privileges = {(entry.slot, privilege) for entry in entries for privilege in entry.privileges}
    for access in ("write", "read"):
        need = _ledger_privileges(live, environment, name, access)
        if need and need <= held_privileges:
            return access
    return "none"


def _ledger_privileges(live: LiveState, environment: Environment, name: str, access: str) -> set[tuple[Any, str]]:
    role = Role.model_validate({"ledger": access})
    wanted = resolve_wanted(replace(environment, roles={name: role}, public=None), live)
    return set() if wanted.unknown else {(slot, privilege) for slot, held in wanted.held.items() for privilege in held}


def _without_ledger(
    live: LiveState, environment: Environment, name: str, ledger: str, entries: list[AclEntry]
) -> Iterable[AclEntry]:
    from_ledger = _ledger_privileges(live, environment, name, ledger)
    for entry in entries:
        rest = frozenset(privilege for privilege in entry.privileges if (entry.slot, privilege) not in from_ledger)
        yield replace(entry, privileges=rest)


def _grants(entries: Iterable[AclEntry]) -> dict[str, Any]:
    """The privileges of one grantee in the shape of ``grants:``."""
    grants: dict[str, Any] = {}
    defaults: dict[str, dict[str, Any]] = {}
    for entry in sorted(entries, key=lambda entry: entry.slot):
        privileges = sorted(entry.privileges - entry.initial)
        slot = entry.slot
        if not privileges:
            continue
        key = YAML_KEYS.get(slot.kind, "default_privileges")
        name = _short_name(slot.name) if key in KEYS_IN_PUBLIC else slot.name
        if key == "database":
            grants[key] = sorted({*grants.get(key, ()), *privileges})
        elif key == "columns":
            by_privilege = grants.setdefault(key, {}).setdefault(name, {})
            for privilege in privileges:
                by_privilege.setdefault(privilege, []).append(slot.column)
        elif key == "default_privileges":
            owner, schema = split_default_privileges_name(slot.name)
            default = defaults.setdefault(slot.name, {"owner": owner, **({"schema": schema} if schema else {})})
            default[DEFAULT_KEYS[slot.kind]] = privileges
        else:
            objects = grants.setdefault(key, {})
            objects[name] = sorted({*objects.get(name, ()), *privileges})
    if defaults:
        grants["default_privileges"] = list(defaults.values())
    return grants


def _text(live: LiveState, environment: Environment, values: Mapping[str, Any], left_out: Mapping[str, str]) -> str:
    lines = [f"# what database {one_line(live.database)} has; to be put into {environment.at.file}"]
    lines += [f"# left out: {one_line(name)} ({why})" for name, why in left_out.items()]
    return "\n".join([*lines, dump_yaml(_escaped(values)).rstrip("\n")])


def _escaped(value: Any, key: str = "") -> Any:
    """The value with ``${`` escaped, which is no variable reference here; keys are not interpolated."""
    if isinstance(value, Mapping):
        return {key: _escaped(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_escaped(inner) for inner in value]
    return value.replace("${", "$${") if isinstance(value, str) and key != "password" else value
