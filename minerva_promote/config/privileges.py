"""The privileges that exist, by kind of object, and what to say about those that do not."""

from __future__ import annotations

from collections.abc import Iterable

from minerva_promote.config.suggest import did_you_mean

ALL = "ALL"

KINDS: dict[str, str] = {  # the key in the YAML: one such object, in a word
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
DEFAULT_KINDS: dict[str, str] = {  # the key inside default_privileges: the kind in a word, also a key of PRIVILEGES
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
_TAKE_AWAY = "leave such work to the owner (admin_url, promote migrate); here take it away"


def available(key: str, major: int) -> tuple[str, ...]:
    """The privileges of a kind (a key of PRIVILEGES) that a server of this major version knows."""
    if key == "default large objects" and major < 18:
        return ()
    return tuple(name for name in PRIVILEGES[key] if name != "MAINTAIN" or major >= 17)


def expand(privileges: Iterable[str], key: str, major: int) -> frozenset[str]:
    """The privileges one by one: ALL is what a server of this major version knows of the kind (a key of PRIVILEGES).

    A privilege said by name stays, whether or not the server knows it: see ``available``.
    """
    said = {normalised(privilege) for privilege in privileges}
    return frozenset(said - {ALL} | set(available(key, major) if ALL in said else ()))


def normalised(privilege: str) -> str:
    """``ALL`` for ``ALL PRIVILEGES``; all else as it is."""
    return ALL if privilege == "ALL PRIVILEGES" else privilege


def refused(privilege: str, key: str) -> tuple[str, str] | None:
    """Why ``privilege`` cannot be granted on this kind of object, and what to say instead; None when it can."""
    known = PRIVILEGES[key]
    if normalised(privilege) in (*known, ALL):
        return None
    name = normalised(" ".join(privilege.upper().split()))
    if name.endswith("GRANT OPTION"):
        fact = f'"{privilege}" is not said: a role that may give on what it has decides itself who else has it'
        return fact, "declare the privilege alone, and at every role that needs it"
    if name in (*known, ALL):
        return f'"{privilege}" is written "{name}"', ""
    if name == "ALTER" and key == "parameters":
        return f'"{privilege}" is written "ALTER SYSTEM"', ""
    if name in ("ALTER", "DROP"):
        return f'there is no privilege "{privilege}": altering and dropping come from owning the object', _TAKE_AWAY
    if name in _OWNERSHIP:
        return f'there is no privilege "{privilege}": an object has one owner, and owning is not granted', _TAKE_AWAY
    if name == "LOGIN":
        return f'"{privilege}" is an attribute of a role, no privilege', "say login: true at the role"
    if name in _ATTRIBUTES:
        fact = f'"{privilege}" is an attribute of a role, no privilege'
        return fact, "take it away: a role with it can do more than any declaration says"
    if name == "TEMP" and key == "database":
        return f'"{privilege}" is written TEMPORARY here', ""
    elsewhere = [plural(other) for other, names in _OBJECTS.items() if name in names]
    if elsewhere:
        where = " and ".join(filter(None, (", ".join(elsewhere[:-1]), elsewhere[-1])))
        return f'"{name}" is a privilege of {where}, not of {plural(key)}', f"known: {', '.join(known)}"
    fact = f'there is no privilege "{privilege}" of {plural(key)}{did_you_mean(name, known)}'
    return fact, f"known: {', '.join(known)}"


def plural(key: str) -> str:
    """A kind in a sentence: ``foreign servers``."""
    return "databases" if key == "database" else key.replace("_", " ")
