"""What happens along when a role reads or writes rows, with rights that are not its own."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.database.quote import qualified, sql_text
from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import listed, quoted, rights
from minerva_promote.grants.live_state import LiveState, TableEffect
from minerva_promote.grants.model import END, Drift
from minerva_promote.ledger.install import EVENTS_TABLE, chain_function_text

READ_FIRST = "read what it does: accept it with the reason, or run the statement yourself"


def effect_drift(standing: EffectivePrivileges) -> Iterator[Drift]:
    """Triggers, event triggers, rules and foreign keys by which the roles do more than their privileges say."""
    told = {"trigger": _trigger, "event trigger": _event_trigger, "rule": _rule, "cascade": _cascade}
    for effect in standing.live.effects:
        if effect.kind in told:
            yield from told[effect.kind](standing, effect)


def _trigger(standing: EffectivePrivileges, effect: TableEffect) -> Iterator[Drift]:
    roles = _setting_off(standing, effect)
    if roles and not _is_ledger(standing.live, effect):
        statement = f"ALTER TABLE {table(standing.live, effect.table)} DISABLE TRIGGER {quoted(effect.name)}"
        fact = f"{_when(effect, roles)}, function {effect.state} runs with {rights(standing.live, effect.owner)}"
        yield _drift("trigger", roles, f"trigger {effect.name} on {effect.table}", fact, statement)


def _is_ledger(live: LiveState, effect: TableEffect) -> bool:
    """Whether it is what gives an event its place in the ledger's chain, as setup installs it: it does no more."""
    ledger = live.objects.get(("table", EVENTS_TABLE))
    installed = effect.table == EVENTS_TABLE and effect.source == chain_function_text()
    return installed and ledger is not None and ledger.owner == effect.owner


def _rule(standing: EffectivePrivileges, effect: TableEffect) -> Iterator[Drift]:
    roles = _setting_off(standing, effect)
    if roles:
        statement = f"DROP RULE {quoted(effect.name)} ON {table(standing.live, effect.table)}"
        how = "in its place" if effect.state == "instead" else "also"
        fact = f"{_when(effect, roles)}, its statements run {how} with {rights(standing.live, effect.owner)}"
        yield _drift("rule", roles, f"rule {effect.name} on {effect.table}", fact, statement)


def _event_trigger(standing: EffectivePrivileges, effect: TableEffect) -> Iterator[Drift]:
    at_login = effect.state == "login"
    roles = [
        role
        for role in standing.roles
        if role != effect.owner and (standing.live.roles[role].login if at_login else standing.may_create(role))
    ]
    if roles:
        when = f"when {listed(roles)} log{'' if len(roles) > 1 else 's'} in"
        if not at_login:
            when = f"at {effect.state}, which {listed(roles)} can bring about"
        statement = f"ALTER EVENT TRIGGER {quoted(effect.name)} DISABLE"
        fact = f"{when}, its function runs with {rights(standing.live, effect.owner)}"
        yield _drift("event-trigger", roles, f"event trigger {effect.name}", fact, statement)


def _cascade(standing: EffectivePrivileges, effect: TableEffect) -> Iterator[Drift]:
    """A foreign key's action, where the role could not make the same change by itself."""
    need = "DELETE" if effect.state == "cascade" and "DELETE" in effect.events else "UPDATE"
    roles = [
        role
        for role in standing.roles
        if effect.events & standing.on_table(role, effect.table) and need not in standing.on_table(role, effect.other)
    ]
    if roles:
        done = {"cascade": "deletes" if need == "DELETE" else "changes"}.get(effect.state, "empties")
        fact = (
            f"{_when(effect, roles)}, foreign key {effect.name} {done} rows of {effect.other}, "
            f"on which {'they have' if len(roles) > 1 else 'it has'} no {need}"
        )
        help_ = f"declare {need} on {effect.other} as well, or make the foreign key anew without the action"
        what = f"{' or '.join(sorted(effect.events))} on {effect.table} changes {effect.other}"
        yield Drift("cascade", roles[0], what, fact, help=help_, automatic=False, phase=END)


def _setting_off(standing: EffectivePrivileges, effect: TableEffect) -> list[str]:
    return [
        role
        for role in standing.roles
        if role != effect.owner and effect.events & standing.has_on_table(role, effect.table)
    ]


def _when(effect: TableEffect, roles: list[str]) -> str:
    """``at INSERT or UPDATE by a and b``."""
    return f"at {' or '.join(sorted(effect.events))} by {listed(roles)}"


def table(live: LiveState, name: str) -> str:
    """A table as it stands in a statement."""
    found = live.objects.get(("table", name))
    return found.sql if found is not None else sql_text(qualified(name))


def _drift(code: str, roles: list[str], what: str, fact: str, statement: str) -> Drift:
    return Drift(code, roles[0], what, fact, (statement,), help=READ_FIRST, automatic=False, phase=END)
