"""The privileges of each kind of object, and messages for those that do not exist."""

from __future__ import annotations

from collections.abc import Iterable

from minerva_promote.config.suggest import did_you_mean

ALL = "ALL"

KINDS: dict[str, str] = {  # key in the YAML -> the singular
    "database": "database",
    "schemas": "schema",
    "tables": "table",
    "columns": "column",
    "sequences": "sequence",
    "functions": "function",
    "types": "type",
    "languages": "language",
    "foreign_data_wrappers": "foreign data wrapper",
    "foreign_servers": "foreign server",
    "large_objects": "large object",
    "parameters": "parameter",
    "tablespaces": "tablespace",
}
DEFAULT_KINDS: dict[str, str] = {  # key inside default_privileges -> the kind, also a key of PRIVILEGES
    "tables": "default tables",
    "sequences": "default sequences",
    "functions": "default functions",
    "types": "default types",
    "schemas": "default schemas",
    "large_objects": "default large objects",
}
_OBJECTS: dict[str, tuple[str, ...]] = {  # table 5.2 of PostgreSQL's documentation
    "database": ("CONNECT", "CREATE", "TEMPORARY"),
    "schemas": ("USAGE", "CREATE"),
    "tables": ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"),
    "columns": ("SELECT", "INSERT", "UPDATE", "REFERENCES"),
    "sequences": ("USAGE", "SELECT", "UPDATE"),
    "functions": ("EXECUTE",),
    "types": ("USAGE",),
    "languages": ("USAGE",),
    "foreign_data_wrappers": ("USAGE",),
    "foreign_servers": ("USAGE",),
    "large_objects": ("SELECT", "UPDATE"),
    "parameters": ("SET", "ALTER SYSTEM"),
    "tablespaces": ("CREATE",),
}
PRIVILEGES = _OBJECTS | {kind: _OBJECTS[key] for key, kind in DEFAULT_KINDS.items()}

_OWNERSHIP = ("OWN", "OWNER", "OWNERSHIP")
_ATTRIBUTES = ("SUPERUSER", "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS")  # of a role; LOGIN is declared
_REMOVE_HINT = "leave such work to the owner (admin_url, promote migrate); here take it away"


def available(key: str, major: int) -> tuple[str, ...]:
    """The privileges of a kind (a key of PRIVILEGES) that a server of this major version has."""
    if key == "default large objects" and major < 18:
        return ()
    return tuple(name for name in PRIVILEGES[key] if name != "MAINTAIN" or major >= 17)


def expand(privileges: Iterable[str], key: str, major: int) -> frozenset[str]:
    """The privileges one by one: ALL stands for those that a server of this major version has.

    A privilege that is named stays, whether or not the server has it: see ``available``.
    """
    requested = {normalised(privilege) for privilege in privileges}
    return frozenset(requested - {ALL} | set(available(key, major) if ALL in requested else ()))


def normalised(privilege: str) -> str:
    """``ALL`` for ``ALL PRIVILEGES``; any other privilege unchanged."""
    return ALL if privilege == "ALL PRIVILEGES" else privilege


def privilege_refusal(privilege: str, key: str) -> tuple[str, str] | None:
    """Message and hint for a privilege that cannot be granted on this kind of object; None when it can."""
    known = PRIVILEGES[key]
    if normalised(privilege) in (*known, ALL):
        return None
    name = normalised(" ".join(privilege.upper().split()))
    if name.endswith("GRANT OPTION"):
        message = f'"{privilege}" is not said: a role that may give on what it has decides itself who else has it'
        return message, "declare the privilege alone, and at every role that needs it"
    if name in (*known, ALL):
        return f'"{privilege}" is written "{name}"', ""
    if name == "ALTER" and key == "parameters":
        return f'"{privilege}" is written "ALTER SYSTEM"', ""
    if name in ("ALTER", "DROP"):
        return f'there is no privilege "{privilege}": altering and dropping come from owning the object', _REMOVE_HINT
    if name in _OWNERSHIP:
        return f'there is no privilege "{privilege}": an object has one owner, and owning is not granted', _REMOVE_HINT
    if name == "LOGIN":
        return f'"{privilege}" is an attribute of a role, no privilege', "say login: true at the role"
    if name in _ATTRIBUTES:
        message = f'"{privilege}" is an attribute of a role, no privilege'
        return message, "take it away: a role with it can do more than any declaration says"
    if name == "TEMP" and key == "database":
        return f'"{privilege}" is written TEMPORARY here', ""
    other_kinds = [plural(other) for other, names in _OBJECTS.items() if name in names]
    if other_kinds:
        listed_kinds = " and ".join(filter(None, (", ".join(other_kinds[:-1]), other_kinds[-1])))
        return f'"{name}" is a privilege of {listed_kinds}, not of {plural(key)}', f"known: {', '.join(known)}"
    message = f'there is no privilege "{privilege}" of {plural(key)}{did_you_mean(name, known)}'
    return message, f"known: {', '.join(known)}"


def plural(key: str) -> str:
    """The plural of a kind: ``foreign servers``."""
    return "databases" if key == "database" else key.replace("_", " ")
