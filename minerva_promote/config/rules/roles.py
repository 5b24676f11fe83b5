"""Rules of declared roles: names, memberships without circles, accepted drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from minerva_promote.config.drift_codes import CODES
from minerva_promote.config.models.project import Accept, EnvironmentFile, Role
from minerva_promote.config.rules.grants import SETTING_NAME, grant_faults
from minerva_promote.config.suggest import did_you_mean, listing
from minerva_promote.config.yaml_source import Keys, Source, fault
from minerva_promote.errors import ConfigError

NAME_BYTES = 63  # what PostgreSQL keeps of a name


def role_faults(valid: EnvironmentFile, source: Source) -> Iterator[ConfigError]:
    """The faults of ``roles`` and ``public``."""
    absent = {name for name, role in valid.roles.items() if role.absent}
    for name, role in valid.roles.items():
        at: Keys = ("roles", name)
        if (reason := _misnamed(name)) is not None:
            yield fault(source.key_at(at), at, *reason)
        if role.absent:
            yield from _absent_faults(at, source)
            continue
        for key in role.settings:
            path = (*at, "settings", key)
            if not SETTING_NAME.fullmatch(key):
                yield fault(source.key_at(path), path, "not the name of a PostgreSQL setting")
        yield from _member_faults(name, valid.roles, source)
        yield from _accept_faults(role.accept, (*at, "accept"), source)
        yield from grant_faults((*at, "grants"), source, absent)
    yield from _cycle_faults(valid.roles, source)
    yield from grant_faults(("public",), source, absent)
    yield from _accept_faults(valid.accept, ("accept",), source)


def _misnamed(name: str) -> tuple[str, str] | None:
    """Message and hint for a name that no role can have; None when it is possible."""
    if not name:
        return "an empty name", ""
    if name == "public":
        return "no role can be called public", "what PUBLIC may do is declared under public:"
    if name == "none":
        return "no role can be called none", "PostgreSQL keeps the word for itself"
    if name.startswith("pg_"):
        hint = "names that start with pg_ are PostgreSQL's own; membership in one of them is said by member_of"
        return "no role of yours can be called so", hint
    if (size := len(name.encode())) > NAME_BYTES:
        return f"{size} bytes, at most {NAME_BYTES} are kept of a name", ""
    return None


def _absent_faults(at: Keys, source: Source) -> Iterator[ConfigError]:
    for key in source.value(at):
        if key != "absent":
            path = (*at, key)
            hint = "leave absent: true alone, or take it away"
            yield fault(source.key_at(path), path, "nothing is said of a role that must not exist", hint)


def _member_faults(name: str, roles: Mapping[str, Role], source: Source) -> Iterator[ConfigError]:
    groups = tuple(roles[name].member_of)
    for number, group in enumerate(groups):
        path = _membership(name, number, roles)
        reason: tuple[str, str] | None = None
        if group in groups[:number]:
            reason = f'"{group}" stands twice', ""
        elif group == name:
            reason = "a role is no member of itself", ""
        elif group == "pg_database_owner":
            reason = "pg_database_owner has no members but the database's owner", "take it away"
        elif group.startswith("pg_"):
            continue
        elif group not in roles:
            message = f'no role "{group}" in roles{did_you_mean(group, [other for other in roles if other != name])}'
            reason = message, "declare it, so that it is known what it may do"
        elif roles[group].absent:
            reason = f'role "{group}" must not exist: it is declared absent', ""
        if reason is not None:
            yield fault(source.key_at(path), path, *reason)


def _membership(name: str, number: int, roles: Mapping[str, Role]) -> Keys:
    """The path of a membership, which is an entry of a list or a key of a mapping."""
    groups = roles[name].member_of
    return "roles", name, "member_of", number if isinstance(groups, tuple) else tuple(groups)[number]


def _cycle_faults(roles: Mapping[str, Role], source: Source) -> Iterator[ConfigError]:
    """Circular memberships, which PostgreSQL refuses; one fault for every circle."""
    groups = {name: [group for group in role.member_of if group != name] for name, role in roles.items()}
    while True:
        try:
            TopologicalSorter(groups).prepare()
        except CycleError as error:
            circle = error.args[1][::-1]  # each is a member of the next, the last one is the first again
            member, group = circle[:2]
            path = _membership(member, tuple(roles[member].member_of).index(group), roles)
            message = f"memberships go round: {' in '.join(circle)}"
            yield fault(source.key_at(path), path, message, "take one of them away")
            groups[member] = []
        else:
            return


def _accept_faults(entries: tuple[Accept, ...], at: Keys, source: Source) -> Iterator[ConfigError]:
    accepted: set[tuple[str, str]] = set()
    for number, entry in enumerate(entries):
        here = (*at, number)
        if entry.code not in CODES:
            path = (*here, "code")
            near = did_you_mean(entry.code, CODES)
            hint = "" if near else f"known: {listing(CODES)}"
            yield fault(source.at(path), path, f'no drift has the code "{entry.code}"{near}', hint)
        for key, hint in (("object", "what the report names"), ("why", "say why the role may do this all the same")):
            if not getattr(entry, key).strip():
                yield fault(source.at((*here, key)), (*here, key), "is empty", hint)
        if (entry.code, entry.object) in accepted:
            yield fault(source.at(here), here, f'{entry.code} of "{entry.object}" stands twice')
        accepted.add((entry.code, entry.object))
