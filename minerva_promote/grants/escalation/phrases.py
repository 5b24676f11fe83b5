"""Phrases that several escalation checks share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minerva_promote.database.quote import ident, sql_text
from minerva_promote.grants.live_state import LiveRole, LiveState

ROLE_ATTRIBUTES: Mapping[str, str] = {  # attribute of LiveRole -> what a role with it is or may do
    "superuser": "is a superuser",
    "create_role": "may make roles",
    "create_database": "may make databases",
    "replication": "may read everything by replication",
    "bypass_row_security": "ignores row security",
}


def join_words(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def quote_name(name: str) -> str:
    """A role or another unqualified name as it stands in a statement."""
    return sql_text(ident(name))


def describe_rights(live: LiveState, owner: str) -> str:
    """Whose rights something runs with: ``the rights of x, which is a superuser``."""
    role = live.roles.get(owner)
    return f"the rights of {owner}" + (", which is a superuser" if role is not None and role.superuser else "")


def describe_attributes(role: LiveRole | None) -> list[str]:
    """What the attributes of a role allow, most powerful first."""
    if role is None:
        return []
    return [phrase for attribute, phrase in ROLE_ATTRIBUTES.items() if getattr(role, attribute)]
