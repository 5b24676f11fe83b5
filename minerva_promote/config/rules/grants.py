"""Rules of declared privileges: names, privileges that exist, nothing twice."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from minerva_promote.config.models.roles import IN_SCHEMAS, WILDCARDS, is_wildcard, qualified, schema_of
from minerva_promote.config.privileges import ALL, normalised, plural, privilege_refusal
from minerva_promote.config.yaml_source import Keys, Source, fault
from minerva_promote.errors import ConfigError

SETTING_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?")

_LARGE_OBJECT = re.compile(r"[1-9][0-9]{0,9}")
_IN_NO_SCHEMA = ("schemas", "large_objects")  # of default_privileges

Reason = tuple[str, str]  # message and hint


def grant_faults(at: Keys, source: Source, absent: Collection[str]) -> Iterator[ConfigError]:
    """The faults of the ``grants`` of a role, or of ``public``; ``absent`` are the roles that must not exist."""
    for key in source.value(at) or ():
        path = (*at, key)
        if key == "database":
            yield from _list_faults(path, key, source)
        elif key == "columns":
            yield from _column_faults(path, source)
        elif key == "default_privileges":
            yield from _default_faults(path, source, absent)
        else:
            yield from _object_faults(path, key, source)


def _object_faults(path: Keys, key: str, source: Source) -> Iterator[ConfigError]:
    yield from _name_faults(path, key, source)
    for name, value in source.value(path).items():
        here = (*path, name)
        if isinstance(value, dict):
            yield from _list_faults((*here, "privileges"), key, source)
            yield from _except_faults((*here, "except"), key, name, source)
        else:
            yield from _list_faults(here, key, source)


def _column_faults(path: Keys, source: Source) -> Iterator[ConfigError]:
    yield from _name_faults(path, "columns", source)
    for table, by_privilege in source.value(path).items():
        here = (*path, table)
        for privilege, columns in by_privilege.items():
            if (reason := privilege_refusal(privilege, "columns")) is not None:
                yield fault(source.key_at((*here, privilege)), (*here, privilege), *reason)
            elif privilege != normalised(privilege) in by_privilege:
                message = f'"{privilege}" stands twice, also as "{normalised(privilege)}"'
                yield fault(source.key_at((*here, privilege)), (*here, privilege), message)
            if not columns:
                hint = f"name the columns, or take it away; {privilege} on all columns is said under tables"
                yield fault(source.at((*here, privilege)), (*here, privilege), "names no column", hint)
            for number, column in enumerate(columns):
                at = (*here, privilege, number)
                if column == "*":
                    hint = f"{privilege} on all columns is said under tables"
                    yield fault(source.at(at), at, 'columns are named one by one, not "*"', hint)
                elif not column:
                    yield fault(source.at(at), at, "an empty name")
                elif column in columns[:number]:
                    yield fault(source.at(at), at, f'"{column}" stands twice')


def _default_faults(path: Keys, source: Source, absent: Collection[str]) -> Iterator[ConfigError]:
    first_numbers: dict[tuple[str, str | None], int] = {}
    for number, entry in enumerate(source.value(path)):
        here = (*path, number)
        owner, schema = entry["owner"], entry.get("schema")
        at = (*here, "owner")
        if not owner:
            yield fault(source.at(at), at, "an empty name")
        elif owner in absent:
            yield fault(source.at(at), at, f'role "{owner}" must not exist: it is declared absent')
        first = first_numbers.setdefault((owner, schema), number)
        if first != number:
            where = f" in {schema}" if schema else ""
            message = f'the objects of "{owner}"{where} are also in entry {first + 1}'
            yield fault(source.at(here), here, message, "say it in one entry")
        for key in entry.keys() - {"owner", "schema"}:
            yield from _list_faults((*here, key), key, source)
            if schema is not None and key in _IN_NO_SCHEMA:
                message = f"default privileges of {plural(key)} hold in no schema"
                yield fault(source.key_at((*here, key)), (*here, key), message, "an entry without a schema says them")


def _name_faults(path: Keys, key: str, source: Source) -> Iterator[ConfigError]:
    first_names: dict[str, str] = {}
    for name in source.value(path):
        here = (*path, name)
        first = first_names.setdefault(qualified(name) if key in IN_SCHEMAS else name, name)
        if (reason := _misnamed(name, key)) is not None:
            yield fault(source.key_at(here), here, *reason)
        elif first != name:
            line = source.key_at((*path, first)).line
            yield fault(source.key_at(here), here, f'the same as "{first}" in line {line}', "say it once")


def _misnamed(name: str, key: str) -> Reason | None:
    """Message and hint for a name that no object of this kind can have; None when it is possible."""
    schema, _, unqualified = qualified(name).partition("(")[0].partition(".")
    if not name or (key in IN_SCHEMAS and not (schema and unqualified)):
        return "an empty name", ""
    if key in WILDCARDS and is_wildcard(name):
        message = 'schemas are named one by one, not "*"'
        return (message, "an entry for each of them: SCHEMA.*; for public alone: *") if schema == "*" else None
    if name == "*" or (key in IN_SCHEMAS and is_wildcard(name)):
        what = "tables" if key == "columns" else plural(key)
        return f'{what} are named one by one here, not "*"', f'"*" is read under {", ".join(WILDCARDS)}'
    if key == "functions" and not ("(" in name and name.endswith(")")):
        return "a function is named with the types of its arguments", f"{name}(uuid), or {name}() where it takes none"
    if key == "large_objects" and not (_LARGE_OBJECT.fullmatch(name) and int(name) < 2**32):
        return "a large object is named by its number", '"16400"'
    if key == "parameters" and not SETTING_NAME.fullmatch(name):
        return "not the name of a PostgreSQL setting", ""
    return None


def _except_faults(path: Keys, key: str, name: str, source: Source) -> Iterator[ConfigError]:
    excluded_names = source.value(path)
    if excluded_names is None:
        return
    if not is_wildcard(name):
        hint = "a list of privileges is all there is to say of one object"
        yield fault(source.key_at(path), path, f'nothing can be left out of "{name}"', hint)
        return
    if excluded_names and not source.value((*path[:-1], "privileges")):
        hint = "name the privileges, or take the entry away"
        yield fault(source.key_at(path), path, "names are left out where nothing is granted", hint)
    schema = schema_of(name) or "public"
    qualified_names = [qualified(excluded, schema) for excluded in excluded_names]
    for number, excluded in enumerate(excluded_names):
        here = (*path, number)
        if is_wildcard(excluded):
            reason: Reason | None = (f'{key} are left out one by one, not "{excluded}"', "")
        elif (reason := _misnamed(excluded, key)) is None and qualified_names[number] in qualified_names[:number]:
            reason = f'"{excluded}" stands twice', ""
        elif reason is None and schema_of(qualified_names[number]) != schema:
            reason = f'"{excluded}" is not in schema {schema}', f'"{name}" means {key} of {schema} alone'
        if reason is not None:
            yield fault(source.at(here), here, *reason)


def _list_faults(path: Keys, key: str, source: Source) -> Iterator[ConfigError]:
    """The faults of a list of privileges."""
    privileges = source.value(path)
    names = [normalised(privilege) for privilege in privileges]
    for number, privilege in enumerate(privileges):
        reason = privilege_refusal(privilege, key)
        if reason is None and names[number] in names[:number]:
            reason = f'"{privilege}" stands twice', ""
        elif reason is None and ALL in names and names[number] != ALL:
            reason = f'"{privilege}" is part of ALL', "leave it out, or ALL"
        if reason is not None:
            yield fault(source.at((*path, number)), (*path, number), *reason)
