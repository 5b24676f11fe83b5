"""What is not checked, or not seen, although a table looks as if it were."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import listed, quoted
from minerva_promote.grants.escalation.triggers_and_rules import table
from minerva_promote.grants.live_state import TableEffect
from minerva_promote.grants.model import END, Drift
from minerva_promote.ledger.install import constraint_names

COMMANDS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})


def checking_drift(standing: EffectivePrivileges) -> Iterator[Drift]:
    """Constraints that let wrong rows in, and row security, on tables that the roles are declared to use."""
    for effect in standing.live.effects:
        if effect.kind == "constraint":
            yield from _constraint(standing, effect)
        elif effect.kind == "row security":
            yield from _row_security(standing, effect)


def _constraint(standing: EffectivePrivileges, effect: TableEffect) -> Iterator[Drift]:
    roles = [role for role in standing.roles if effect.events & standing.on_table(role, effect.table)]
    if not roles:
        return
    alter, name = f"ALTER TABLE {table(standing.live, effect.table)}", quoted(effect.name)
    statements: tuple[str, ...]
    what, writers = f"constraint {effect.name} on {effect.table}", listed(roles)
    if effect.state == "not valid":
        if f"{effect.table}.{effect.name}" in constraint_names():  # older rows of the ledger stay as they were written
            return
        code, fact = (
            "constraint-not-valid",
            f"rows of before may break it; {writers} rel{'y' if len(roles) > 1 else 'ies'} on it",
        )
        statements, help_ = (f"{alter} VALIDATE CONSTRAINT {name}",), "it looks at every row: run it yourself"
    elif effect.state == "not enforced":
        code, fact = "constraint-not-enforced", f"{writers} may write rows that break it: {effect.definition}"
        statements, help_ = _enforced(effect, alter, name)
    else:
        code = "trigger-disabled"
        fact = f"its triggers are switched off: what {writers} may write there, or delete, is not checked against it"
        statements = (f"{alter} ENABLE TRIGGER ALL",)
        help_ = "as a superuser; rows written meanwhile stay unchecked: drop and add the constraint to look at them"
    yield Drift(code, roles[0], what, fact, statements, help=help_, automatic=False, phase=END)


def _enforced(effect: TableEffect, alter: str, name: str) -> tuple[tuple[str, ...], str]:
    if effect.definition.startswith("FOREIGN KEY"):
        return (f"{alter} ALTER CONSTRAINT {name} ENFORCED",), "it looks at every row: run it yourself"
    definition = effect.definition.replace(" NO INHERIT", "").removesuffix(" NOT ENFORCED").removesuffix(" NOT VALID")
    inherit = " NO INHERIT" if " NO INHERIT" in effect.definition else ""
    added = f"{alter} ADD CONSTRAINT {name} {definition}{inherit}"
    return (f"{alter} DROP CONSTRAINT {name}", added), "it looks at every row: run both yourself"


def _row_security(standing: EffectivePrivileges, effect: TableEffect) -> Iterator[Drift]:
    roles = [role for role in standing.roles if _subject(standing, role, effect)]
    if not roles:
        return
    refused = sorted({p for role in roles for p in COMMANDS & standing.on_table(role, effect.table)} - effect.events)
    if refused:
        fact = f"no policy lets rows through for {listed(refused)} by {listed(roles)}: nothing is found or written"
    else:
        fact = f"only the rows that its policies show are there for {listed(roles)}: {effect.definition}"
    help_ = "write policies for the role, or switch it off: accept it with the reason where it is meant so"
    statement = f"ALTER TABLE {table(standing.live, effect.table)} DISABLE ROW LEVEL SECURITY"
    yield Drift(
        "row-security", roles[0], f"table {effect.table}", fact, (statement,), help=help_, automatic=False, phase=END
    )


def _subject(standing: EffectivePrivileges, role: str, effect: TableEffect) -> bool:
    """Whether row security holds for a role that is declared to use the table."""
    if not COMMANDS & standing.on_table(role, effect.table) or standing.live.roles[role].bypass_row_security:
        return False
    return effect.state == "forced" or not standing.owns(role, "table", effect.table)
