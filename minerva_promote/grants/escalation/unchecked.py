"""Constraints that are not checked, and row security that hides rows, on tables that roles use."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import join_words, quote_name
from minerva_promote.grants.escalation.triggers_and_rules import quoted_table
from minerva_promote.grants.live_state import TableEffect
from minerva_promote.grants.model import Drift, Phase
from minerva_promote.ledger.install import constraint_names

COMMANDS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})


def find_unchecked_drift(effective: EffectivePrivileges) -> Iterator[Drift]:
    """Unchecked constraints and row security of the tables that the roles are declared to use."""
    for effect in effective.live.effects:
        if effect.kind == "constraint":
            yield from _constraint(effective, effect)
        elif effect.kind == "row security":
            yield from _row_security(effective, effect)


def _constraint(effective: EffectivePrivileges, effect: TableEffect) -> Iterator[Drift]:
    roles = [role for role in effective.roles if effect.events & effective.declared_on_table(role, effect.table)]
    if not roles:
        return
    alter, name = f"ALTER TABLE {quoted_table(effective.live, effect.table)}", quote_name(effect.name)
    statements: tuple[str, ...]
    what, writers = f"constraint {effect.name} on {effect.table}", join_words(roles)
    if effect.state == "not valid":
        if f"{effect.table}.{effect.name}" in constraint_names():  # older rows of the ledger stay as they were written
            return
        code, message = (
            "constraint-not-valid",
            f"rows of before may break it; {writers} rel{'y' if len(roles) > 1 else 'ies'} on it",
        )
        statements, hint = (f"{alter} VALIDATE CONSTRAINT {name}",), "it looks at every row: run it yourself"
    elif effect.state == "not enforced":
        code, message = "constraint-not-enforced", f"{writers} may write rows that break it: {effect.definition}"
        statements, hint = _enforce_statements(effect, alter, name)
    else:
        code = "trigger-disabled"
        message = f"its triggers are switched off: what {writers} may write there, or delete, is not checked against it"
        statements = (f"{alter} ENABLE TRIGGER ALL",)
        hint = "as a superuser; rows written meanwhile stay unchecked: drop and add the constraint to look at them"
    yield Drift(code, roles[0], what, message, statements, hint=hint, automatic=False, phase=Phase.LAST)


def _enforce_statements(effect: TableEffect, alter: str, name: str) -> tuple[tuple[str, ...], str]:
    if effect.definition.startswith("FOREIGN KEY"):
        return (f"{alter} ALTER CONSTRAINT {name} ENFORCED",), "it looks at every row: run it yourself"
    definition = effect.definition.replace(" NO INHERIT", "").removesuffix(" NOT ENFORCED").removesuffix(" NOT VALID")
    inherit = " NO INHERIT" if " NO INHERIT" in effect.definition else ""
    added = f"{alter} ADD CONSTRAINT {name} {definition}{inherit}"
    return (f"{alter} DROP CONSTRAINT {name}", added), "it looks at every row: run both yourself"


def _row_security(effective: EffectivePrivileges, effect: TableEffect) -> Iterator[Drift]:
    roles = [role for role in effective.roles if _is_subject_to_policies(effective, role, effect)]
    if not roles:
        return
    blocked = sorted(
        {p for role in roles for p in COMMANDS & effective.declared_on_table(role, effect.table)} - effect.events
    )
    if blocked:
        message = (
            f"no policy lets rows through for {join_words(blocked)} by {join_words(roles)}: nothing is found or written"
        )
    else:
        message = f"only the rows that its policies show are there for {join_words(roles)}: {effect.definition}"
    hint = "write policies for the role, or switch it off: accept it with the reason where it is meant so"
    statement = f"ALTER TABLE {quoted_table(effective.live, effect.table)} DISABLE ROW LEVEL SECURITY"
    yield Drift(
        "row-security",
        roles[0],
        f"table {effect.table}",
        message,
        (statement,),
        hint=hint,
        automatic=False,
        phase=Phase.LAST,
    )


def _is_subject_to_policies(effective: EffectivePrivileges, role: str, effect: TableEffect) -> bool:
    """Whether policies apply to a role that is declared to use the table."""
    if not COMMANDS & effective.declared_on_table(role, effect.table) or effective.live.roles[role].bypass_row_security:
        return False
    return effect.state == "forced" or not effective.owns(role, "table", effect.table)
