"""Formats the privileges on one object and its columns, for statements and messages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from minerva_promote.grants.model import Slot, split_default_privileges_name

PrivilegesByColumn = Mapping[str, Iterable[str]]  # column ("" for the whole object) -> privileges
CollectedPrivileges = dict[str, set[str]]  # the same, while it is collected


def columns_by_privilege(by_column: PrivilegesByColumn) -> list[tuple[str, list[str]]]:
    """The privileges, sorted, with the columns that they are on; no columns mean the whole object.

    A privilege on the whole object and on columns too occurs twice.
    """
    columns_of: dict[str, list[str]] = {}
    for column, privileges in by_column.items():
        if column:
            for privilege in privileges:
                columns_of.setdefault(privilege, []).append(column)
    whole = [(privilege, list[str]()) for privilege in by_column.get("", ())]
    return sorted([*whole, *columns_of.items()])


def format_privileges(
    privileges: Iterable[tuple[str, Collection[str]]], format_name: Callable[[str], str] = str
) -> str:
    """``INSERT, UPDATE (title, summary)``, with column names as ``format_name`` returns them."""
    return ", ".join(
        f"{privilege} ({', '.join(map(format_name, columns))})" if columns else privilege
        for privilege, columns in privileges
    )


def describe_privileges(by_column: PrivilegesByColumn, slot: Slot) -> str:
    """``INSERT, UPDATE (title) on table public.books``, the privileges of the whole object first."""
    privileges = [(privilege, sorted(columns)) for privilege, columns in columns_by_privilege(by_column)]
    privileges.sort(key=lambda item: item[1] != [])
    return f"{format_privileges(privileges)} on {_describe_slot(slot)}"


def _describe_slot(slot: Slot) -> str:
    """``table public.books``, ``tables that ada will make in schema notes``."""
    if not slot.kind.startswith("default "):
        return f"{slot.kind} {slot.name}"
    owner, schema = split_default_privileges_name(slot.name)
    where = f" in schema {schema}" if schema else ""
    return f"{slot.kind.removeprefix('default ')} that {owner} will make{where}"
