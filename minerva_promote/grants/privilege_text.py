"""Privileges of one object and of its columns, and how they are told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from minerva_promote.grants.model import Slot, default_parts

Parts = Mapping[str, Iterable[str]]  # column ("" for the whole object) -> privileges
Collected = dict[str, set[str]]  # the same, while more is found


def by_privilege(parts: Parts) -> list[tuple[str, list[str]]]:
    """Each privilege, sorted, with the columns that it is on; without columns it is on the whole object.

    One that is on the whole object and on columns as well stands there twice.
    """
    found: dict[str, list[str]] = {}
    for column, privileges in parts.items():
        if column:
            for privilege in privileges:
                found.setdefault(privilege, []).append(column)
    whole = [(privilege, list[str]()) for privilege in parts.get("", ())]
    return sorted([*whole, *found.items()])


def joined(listed: Iterable[tuple[str, Collection[str]]], name: Callable[[str], str] = str) -> str:
    """``INSERT, UPDATE (title, summary)``, each column as ``name`` gives it."""
    return ", ".join(
        f"{privilege} ({', '.join(map(name, columns))})" if columns else privilege for privilege, columns in listed
    )


def in_words(parts: Parts, slot: Slot) -> str:
    """``INSERT, UPDATE (title) on table public.books``, the privileges of the whole object first."""
    listed = [(privilege, sorted(columns)) for privilege, columns in by_privilege(parts)]
    listed.sort(key=lambda each: each[1] != [])
    return f"{joined(listed)} on {_object(slot)}"


def _object(slot: Slot) -> str:
    """``table public.books``, ``tables that ada will make in schema notes``."""
    if not slot.kind.startswith("default "):
        return f"{slot.kind} {slot.name}"
    owner, schema = default_parts(slot.name)
    where = f" in schema {schema}" if schema else ""
    return f"{slot.kind.removeprefix('default ')} that {owner} will make{where}"
