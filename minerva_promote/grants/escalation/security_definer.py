"""Functions that can do more than their caller may, called by name or run by an object that the role can use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import describe_rights, join_words
from minerva_promote.grants.grant_sql import revoke_statement
from minerva_promote.grants.live_state import Caller, LiveState, Routine
from minerva_promote.grants.model import PUBLIC, Drift, Phase, Slot


def find_routine_drift(effective: EffectivePrivileges) -> Iterator[Drift]:
    """SECURITY DEFINER functions, and functions in untrusted languages, that a role can run without declaration.

    USAGE on the function's schema is not asked for: it is checked when a name is looked up, and not on every call.
    """
    for routine in sorted(effective.live.routines, key=lambda routine: routine.name):
        if not routine.has_elevated_rights:
            continue
        code = "security-definer" if routine.security_definer else "untrusted-function"
        roles = [role for role in effective.roles if _is_undeclared(effective, role, routine)]
        callers = [role for role in roles if not routine.executors.isdisjoint((role, PUBLIC))]
        if callers and PUBLIC in routine.executors:
            message = (
                f"every role may call it, {join_words(callers)} too; {_describe_rights_of(effective.live, routine)}"
            )
            yield _callable_drift(effective.live, code, routine, PUBLIC, message)
        for role in callers:
            if role in routine.executors:
                yield _callable_drift(effective.live, code, routine, role, _describe_rights_of(effective.live, routine))
        yield from _indirect_drift(effective, code, routine, [role for role in roles if role not in callers])


def _is_undeclared(effective: EffectivePrivileges, role: str, routine: Routine) -> bool:
    """Whether EXECUTE is undeclared; what a role may do as a member of a group is reported for the group."""
    return role != routine.owner and "EXECUTE" not in effective.declared(role, "function", routine.name)


def _describe_rights_of(live: LiveState, routine: Routine) -> str:
    if routine.security_definer:
        return f"it runs with {describe_rights(live, routine.owner)}, whoever calls it"
    return f"language {routine.untrusted} reaches the server's machine: its files, programs and network"


def _callable_drift(live: LiveState, code: str, routine: Routine, grantee: str, message: str) -> Drift:
    database_object = live.objects.get(("function", routine.name))
    if routine.security_definer and not routine.extension and database_object is not None and database_object.builtin:
        message = f"{message}; it is a function of the server itself, which somebody altered"
        return Drift(
            code,
            grantee,
            f"function {routine.name}",
            message,
            (f"ALTER ROUTINE {routine.sql} SECURITY INVOKER",),
            hint="run the statement yourself, as a superuser: without EXECUTE on it other things may stop working",
            automatic=False,
            phase=Phase.LAST,
        )
    statement = revoke_statement(live, Slot(grantee, "function", routine.name), {"": ("EXECUTE",)})
    return Drift(code, grantee, f"function {routine.name}", message, (statement,), phase=Phase.REVOKE)


def _indirect_drift(
    effective: EffectivePrivileges, code: str, routine: Routine, roles: Sequence[str]
) -> Iterator[Drift]:
    """Drift for roles without EXECUTE that can use an object which runs the function, one for the nearest object."""
    users: dict[int, list[str]] = defaultdict(list)
    path_counts: dict[str, int] = {}
    for role in roles:
        positions = [position for position, caller in enumerate(routine.callers) if _uses(effective, role, caller)]
        if positions:
            users[positions[0]].append(role)
            path_counts[role] = len(positions)
    for position, using_roles in sorted(users.items()):
        caller = routine.callers[position]
        others = max(path_counts[role] for role in using_roles) - 1
        others_clause = f"; {others:,} more way{'s lead' if others > 1 else ' leads'} to it" if others else ""
        yield Drift(
            code,
            PUBLIC if _is_open_to_all(caller) else using_roles[0],
            f"function {routine.name} through {_describe_path(routine, position)}",
            f"{_describe_use(caller, using_roles)} without EXECUTE on it; "
            f"{_describe_rights_of(effective.live, routine)}{others_clause}",
            (f"ALTER ROUTINE {routine.sql} SECURITY INVOKER",) if routine.security_definer else (),
            hint="read what it does: accept it with the reason, drop what leads to it, "
            + ("or run the statement yourself" if routine.security_definer else "or the function"),
            automatic=False,
            phase=Phase.LAST,
        )


def _is_open_to_all(caller: Caller) -> bool:
    """Whether every role can use the caller."""
    if caller.executors is not None:
        return PUBLIC in caller.executors
    return not caller.privileges


def _uses(effective: EffectivePrivileges, role: str, caller: Caller) -> bool:
    if caller.fires and caller.next is None and caller.privileges:
        return False  # reported by the check of triggers
    if caller.privileges:
        return bool(caller.privileges & effective.effective_on_table(role, caller.name))
    if caller.executors is not None:
        called = "EXECUTE" in effective.declared(role, "function", caller.name)
        return called or not caller.executors.isdisjoint((role, PUBLIC))
    return True


def _describe_use(caller: Caller, roles: Sequence[str]) -> str:
    who = join_words(roles)
    if caller.privileges:
        return f"{' or '.join(sorted(caller.privileges))} on {caller.kind} {caller.name} by {who} runs it"
    if caller.executors is not None and PUBLIC not in caller.executors:
        return f"{who} may call {caller.kind} {caller.name}, which runs it"
    return f"every role can use {caller.kind} {caller.name}, {who} too, which runs it"


def _describe_path(routine: Routine, position: int) -> str:
    """The path from the object that a role uses to the one that runs the function: "view public.v, rule r on …"."""
    steps: list[str] = []
    next_position: int | None = position
    while next_position is not None:
        caller = routine.callers[next_position]
        whole = f"{caller.kind} {caller.name}"
        if not caller.part:
            steps.append(whole)
        else:
            steps.append(caller.part if caller.name in caller.part else f"{whole}, {caller.part}")
        next_position = caller.next
    return ", ".join(steps)
