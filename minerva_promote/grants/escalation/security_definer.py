"""Functions that do more than their caller may: called by name, or by something else that the role can use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import listed, rights
from minerva_promote.grants.grant_sql import take
from minerva_promote.grants.live_state import Caller, LiveState, Routine
from minerva_promote.grants.model import END, PUBLIC, TAKE, Drift, Slot


def routine_drift(standing: EffectivePrivileges) -> Iterator[Drift]:
    """SECURITY DEFINER functions and those of untrusted languages that a role can run and is not declared to.

    USAGE on the function's schema makes no difference: what is named is looked up there, what is called is not.
    """
    for routine in sorted(standing.live.routines, key=lambda routine: routine.name):
        if not routine.is_power:
            continue
        code = "security-definer" if routine.security_definer else "untrusted-function"
        roles = [role for role in standing.roles if _is_more(standing, role, routine)]
        callers = [role for role in roles if not routine.executors.isdisjoint((role, PUBLIC))]
        if callers and PUBLIC in routine.executors:
            fact = f"every role may call it, {listed(callers)} too; {_why(standing.live, routine)}"
            yield _called(standing.live, code, routine, PUBLIC, fact)
        for role in callers:
            if role in routine.executors:
                yield _called(standing.live, code, routine, role, _why(standing.live, routine))
        yield from _indirect(standing, code, routine, [role for role in roles if role not in callers])


def _is_more(standing: EffectivePrivileges, role: str, routine: Routine) -> bool:
    """Whether calling it is beyond what is declared; what a role may as a member is told at the group."""
    return role != routine.owner and "EXECUTE" not in standing.declared(role, "function", routine.name)


def _why(live: LiveState, routine: Routine) -> str:
    if routine.security_definer:
        return f"it runs with {rights(live, routine.owner)}, whoever calls it"
    return f"language {routine.untrusted} reaches the server's machine: its files, programs and network"


def _called(live: LiveState, code: str, routine: Routine, grantee: str, fact: str) -> Drift:
    known = live.objects.get(("function", routine.name))
    if routine.security_definer and not routine.extension and known is not None and known.builtin:
        fact = f"{fact}; it is a function of the server itself, which somebody altered"
        return Drift(
            code,
            grantee,
            f"function {routine.name}",
            fact,
            (f"ALTER ROUTINE {routine.sql} SECURITY INVOKER",),
            help="run the statement yourself, as a superuser: without EXECUTE on it other things may stop working",
            automatic=False,
            phase=END,
        )
    statement = take(live, Slot(grantee, "function", routine.name), {"": ("EXECUTE",)})
    return Drift(code, grantee, f"function {routine.name}", fact, (statement,), phase=TAKE)


def _indirect(standing: EffectivePrivileges, code: str, routine: Routine, roles: Sequence[str]) -> Iterator[Drift]:
    """The function where a role has no EXECUTE on it, and uses something that runs it: one drift for a way."""
    users: dict[int, list[str]] = defaultdict(list)
    ways: dict[str, int] = {}
    for role in roles:
        places = [place for place, caller in enumerate(routine.callers) if _uses(standing, role, caller)]
        if places:
            users[places[0]].append(role)
            ways[role] = len(places)
    for place, its_roles in sorted(users.items()):
        caller = routine.callers[place]
        more = max(ways[role] for role in its_roles) - 1
        also = f"; {more:,} more way{'s lead' if more > 1 else ' leads'} to it" if more else ""
        yield Drift(
            code,
            PUBLIC if _is_everybodys(caller) else its_roles[0],
            f"function {routine.name} through {_way(routine, place)}",
            f"{_reaches(caller, its_roles)} without EXECUTE on it; {_why(standing.live, routine)}{also}",
            (f"ALTER ROUTINE {routine.sql} SECURITY INVOKER",) if routine.security_definer else (),
            help="read what it does: accept it with the reason, drop what leads to it, "
            + ("or run the statement yourself" if routine.security_definer else "or the function"),
            automatic=False,
            phase=END,
        )


def _is_everybodys(caller: Caller) -> bool:
    """Whether no access list stands between a role and the caller."""
    if caller.executors is not None:
        return PUBLIC in caller.executors
    return not caller.privileges


def _uses(standing: EffectivePrivileges, role: str, caller: Caller) -> bool:
    if caller.fires and caller.next is None and caller.privileges:
        return False  # told as the trigger that it is
    if caller.privileges:
        return bool(caller.privileges & standing.has_on_table(role, caller.name))
    if caller.executors is not None:
        called = "EXECUTE" in standing.declared(role, "function", caller.name)
        return called or not caller.executors.isdisjoint((role, PUBLIC))
    return True


def _reaches(caller: Caller, roles: Sequence[str]) -> str:
    who = listed(roles)
    if caller.privileges:
        return f"{' or '.join(sorted(caller.privileges))} on {caller.kind} {caller.name} by {who} runs it"
    if caller.executors is not None and PUBLIC not in caller.executors:
        return f"{who} may call {caller.kind} {caller.name}, which runs it"
    return f"every role can use {caller.kind} {caller.name}, {who} too, which runs it"


def _way(routine: Routine, place: int) -> str:
    """What leads to the function, from what a role uses to what runs it: "view public.v, rule r on public.t"."""
    steps: list[str] = []
    following: int | None = place
    while following is not None:
        caller = routine.callers[following]
        whole = f"{caller.kind} {caller.name}"
        if not caller.part:
            steps.append(whole)
        else:
            steps.append(caller.part if caller.name in caller.part else f"{whole}, {caller.part}")
        following = caller.next
    return ", ".join(steps)
