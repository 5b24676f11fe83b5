"""The privileges that exist, by kind of object, and what to say about those that do not."""

from __future__ import annotations

from minerva_promote.config.suggest import did_you_mean

PRIVILEGES: dict[str, tuple[str, ...]] = {
    "database": ("CONNECT", "CREATE", "TEMPORARY"),
    "schemas": ("USAGE", "CREATE"),
    "tables": ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"),
    "sequences": ("USAGE", "SELECT", "UPDATE"),
}


def refused(privilege: str, kind: str) -> tuple[str, str] | None:
    """Why ``privilege`` cannot be granted on this kind of object, and what to say instead; None when it can."""
    known = PRIVILEGES[kind]
    if privilege in known:
        return None
    name = privilege.upper()
    if name in ("ALTER", "DROP"):
        fact = f'there is no privilege "{privilege}": altering and dropping come from owning the object'
        return fact, "leave such work to the owner (admin_url, promote migrate); here take it away"
    if name in ("ALL", "ALL PRIVILEGES"):
        return f'"{privilege}" is not said: privileges are named one by one', f"of {_on(kind)}: {', '.join(known)}"
    if name == "TEMP" and kind == "database":
        return f'"{privilege}" is written TEMPORARY here', ""
    if name in known:
        return f'"{privilege}" is written "{name}"', ""
    elsewhere = [_on(other) for other, names in PRIVILEGES.items() if name in names]
    if elsewhere:
        return f'"{name}" is a privilege of {" and ".join(elsewhere)}, not of {_on(kind)}', f"known: {', '.join(known)}"
    fact = f'there is no privilege "{privilege}" of {_on(kind)}{did_you_mean(name, known)}'
    return fact, f"known: {', '.join(known)}"


def _on(kind: str) -> str:
    return "databases" if kind == "database" else kind
