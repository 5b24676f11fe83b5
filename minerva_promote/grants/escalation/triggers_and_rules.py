"""Triggers, rules and cascades that run with other rights when a role reads or writes rows."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.database.quote import qualified, sql_text
from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import describe_rights, join_words, quote_name
from minerva_promote.grants.live_state import LiveState, TableEffect
from minerva_promote.grants.model import Drift, Phase
from minerva_promote.ledger.install import EVENTS_TABLE, chain_function_text

READ_DEFINITION_FIRST = "read what it does: accept it with the reason, or run the statement yourself"


def find_trigger_and_rule_drift(effective: EffectivePrivileges) -> Iterator[Drift]:
    """Triggers, event triggers, rules and foreign keys by which roles do more than their privileges allow."""
    checks = {"trigger": _trigger, "event trigger": _event_trigger, "rule": _rule, "cascade": _cascade}
    for effect in effective.live.effects:
        if effect.kind in checks:
            yield from checks[effect.kind](effective, effect)


def _trigger(effective: EffectivePrivileges, effect: TableEffect) -> Iterator[Drift]:
    roles = _roles_that_fire(effective, effect)
    if roles and not _is_ledger(effective.live, effect):
        table, rights = quoted_table(effective.live, effect.table), describe_rights(effective.live, effect.owner)
        statement = f"ALTER TABLE {table} DISABLE TRIGGER {quote_name(effect.name)}"
        message = f"{_describe_event(effect, roles)}, function {effect.state} runs with {rights}"
        yield _drift("trigger", roles, f"trigger {effect.name} on {effect.table}", message, statement)


def _is_ledger(live: LiveState, effect: TableEffect) -> bool:
    """Whether it is the ledger's own trigger, which chains events, unchanged since setup installed it."""
    ledger = live.objects.get(("table", EVENTS_TABLE))
    installed = effect.table == EVENTS_TABLE and effect.source == chain_function_text()
    return installed and ledger is not None and ledger.owner == effect.owner


def _rule(effective: EffectivePrivileges, effect: TableEffect) -> Iterator[Drift]:
    roles = _roles_that_fire(effective, effect)
    if roles:
        statement = f"DROP RULE {quote_name(effect.name)} ON {quoted_table(effective.live, effect.table)}"
        manner = "in its place" if effect.state == "instead" else "also"
        rights = describe_rights(effective.live, effect.owner)
        message = f"{_describe_event(effect, roles)}, its statements run {manner} with {rights}"
        yield _drift("rule", roles, f"rule {effect.name} on {effect.table}", message, statement)


def _event_trigger(effective: EffectivePrivileges, effect: TableEffect) -> Iterator[Drift]:
    at_login = effect.state == "login"
    roles = [
        role
        for role in effective.roles
        if role != effect.owner and (effective.live.roles[role].login if at_login else effective.may_create(role))
    ]
    if roles:
        when = f"when {join_words(roles)} log{'' if len(roles) > 1 else 's'} in"
        if not at_login:
            when = f"at {effect.state}, which {join_words(roles)} can bring about"
        statement = f"ALTER EVENT TRIGGER {quote_name(effect.name)} DISABLE"
        message = f"{when}, its function runs with {describe_rights(effective.live, effect.owner)}"
        yield _drift("event-trigger", roles, f"event trigger {effect.name}", message, statement)


def _cascade(effective: EffectivePrivileges, effect: TableEffect) -> Iterator[Drift]:
    """Actions of foreign keys that change rows which the role may not change itself."""
    required = "DELETE" if effect.state == "cascade" and "DELETE" in effect.events else "UPDATE"
    roles = [
        role
        for role in effective.roles
        if effect.events & effective.declared_on_table(role, effect.table)
        and required not in effective.declared_on_table(role, effect.other)
    ]
    if roles:
        action = {"cascade": "deletes" if required == "DELETE" else "changes"}.get(effect.state, "empties")
        message = (
            f"{_describe_event(effect, roles)}, foreign key {effect.name} {action} rows of {effect.other}, "
            f"on which {'they have' if len(roles) > 1 else 'it has'} no {required}"
        )
        hint = f"declare {required} on {effect.other} as well, or make the foreign key anew without the action"
        what = f"{' or '.join(sorted(effect.events))} on {effect.table} changes {effect.other}"
        yield Drift("cascade", roles[0], what, message, hint=hint, automatic=False, phase=Phase.LAST)


def _roles_that_fire(effective: EffectivePrivileges, effect: TableEffect) -> list[str]:
    return [
        role
        for role in effective.roles
        if role != effect.owner and effect.events & effective.effective_on_table(role, effect.table)
    ]


def _describe_event(effect: TableEffect, roles: list[str]) -> str:
    """``at INSERT or UPDATE by a and b``."""
    return f"at {' or '.join(sorted(effect.events))} by {join_words(roles)}"


def quoted_table(live: LiveState, name: str) -> str:
    """A table as it stands in a statement."""
    database_object = live.objects.get(("table", name))
    return database_object.sql if database_object is not None else sql_text(qualified(name))


def _drift(code: str, roles: list[str], what: str, message: str, statement: str) -> Drift:
    return Drift(
        code, roles[0], what, message, (statement,), hint=READ_DEFINITION_FIRST, automatic=False, phase=Phase.LAST
    )
