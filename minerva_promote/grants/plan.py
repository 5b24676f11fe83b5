"""The plan of `promote grants`: everything that is not as declared, and the statements that end it, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from minerva_promote.config.models.roles import Accept
from minerva_promote.config.project import Environment
from minerva_promote.database.connection import Connection
from minerva_promote.errors import Location
from minerva_promote.grants.diff import find_privilege_drift
from minerva_promote.grants.escalation import find_escalations
from minerva_promote.grants.inspect import inspect
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import PUBLIC, Drift
from minerva_promote.grants.other_environments import OtherEnvironments, no_other_environments
from minerva_promote.grants.roles import find_role_drift
from minerva_promote.grants.wanted import Wanted, declared_functions, import_role, resolve_wanted


@dataclass(frozen=True, slots=True)
class UnusedAccept:
    """An entry of ``accept:`` that matches no drift."""

    role: str  # role name; "public" for PUBLIC
    entry: Accept
    location: Location


@dataclass(frozen=True, slots=True)
class GrantPlan:
    """The comparison of a database with its declaration."""

    live: LiveState
    wanted: Wanted
    drifts: tuple[Drift, ...]  # in the order in which their statements run
    accepted: tuple[Drift, ...]  # declared as known by `accept:`
    unused_accepts: tuple[UnusedAccept, ...]
    undeclared_import_role: str | None  # the existing import role, when the environment does not declare it

    @property
    def has_unknown_objects(self) -> bool:
        """Whether the declaration names an object that does not exist: then nothing is applied."""
        return any(drift.code == "unknown-object" for drift in self.drifts)


def plan_grants(
    conn: Connection, environment: Environment, other_environments: OtherEnvironments = no_other_environments
) -> GrantPlan:
    """Compare the database of ``conn``, a session of the admin identity, with the declaration of the environment.

    Reads only; the number of queries does not depend on the number of roles and tables.
    """
    live = inspect(conn, environment.roles, declared_functions(environment))
    return compare(live, environment, other_environments=other_environments)


def compare(
    live: LiveState,
    environment: Environment,
    *,
    only: Iterable[str] | None = None,
    admin: str | None = None,
    exact_public: bool = True,
    other_environments: OtherEnvironments = no_other_environments,
) -> GrantPlan:
    """Compare a state that was read before.

    ``only`` limits the comparison to some of the declared roles; ``admin`` names the admin identity when another role
    read the state. With ``exact_public`` False a privilege of PUBLIC is drift only when it gives those roles more than
    declared. ``other_environments`` is what other environments declare for other databases of the server.
    """
    live = live if admin is None else replace(live, admin=admin)
    wanted = resolve_wanted(environment, live, only)
    if not exact_public:
        wanted = replace(wanted, public_declared=False)
    drifts = [*wanted.unknown, *find_role_drift(live, wanted), *find_privilege_drift(live, wanted)]
    drifts = [drift for drift in drifts if drift.role != live.admin or drift.role not in wanted.roles]
    drifts += (
        _with_location(environment, drift) for drift in find_escalations(live, wanted, wanted.roles, other_environments)
    )
    drifts.sort(key=_order)
    accepts = wanted.accepts
    accepted = tuple(drift for drift in drifts if _is_accepted(drift, accepts.get(drift.role, ())))
    return GrantPlan(
        live,
        wanted,
        tuple(drift for drift in drifts if drift not in accepted),
        accepted,
        tuple(_unused_accepts(environment, accepts, accepted)),
        _undeclared_import_role(live, environment),
    )


def _order(drift: Drift) -> tuple[int, bool, int, str, str, str]:
    """The order in which statements run; PUBLIC cannot grant anything to others, and so comes first."""
    return drift.phase, drift.role != PUBLIC, -drift.depth, drift.role, drift.what, drift.code


def _with_location(environment: Environment, drift: Drift) -> Drift:
    """The drift, located at the declaration of its role or of PUBLIC when it has no location and there is one."""
    path = ("public",) if drift.role == PUBLIC else ("roles", drift.role)
    declared = drift.role in environment.roles or (drift.role == PUBLIC and environment.public is not None)
    return replace(drift, location=environment.location(*path)) if declared and drift.location is None else drift


def _is_accepted(drift: Drift, accepts: Iterable[Accept]) -> bool:
    return any((entry.code, entry.object) == (drift.code, drift.what) for entry in accepts)


def _unused_accepts(
    environment: Environment, accepts: Mapping[str, tuple[Accept, ...]], accepted: tuple[Drift, ...]
) -> Iterator[UnusedAccept]:
    used = {(drift.role, drift.code, drift.what) for drift in accepted}
    for role, entries in accepts.items():
        path = ("accept",) if role == PUBLIC else ("roles", role, "accept")
        for number, entry in enumerate(entries):
            if (role, entry.code, entry.object) not in used:
                yield UnusedAccept(role, entry, environment.location(*path, number))


def _undeclared_import_role(live: LiveState, environment: Environment) -> str | None:
    name = import_role(environment)
    return name if name in live.roles and name not in (*environment.roles, PUBLIC) else None
