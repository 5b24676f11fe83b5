"""The plan of `promote grants`: everything that is not as declared, and the statements that end it, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from minerva_promote.config.models.roles import Accept
from minerva_promote.config.project import Environment
from minerva_promote.database.session import Connection
from minerva_promote.grants.diff import find_privilege_drift
from minerva_promote.grants.escalation import find_escalations
from minerva_promote.grants.inspect import inspect
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import PUBLIC, Drift, grantee_name
from minerva_promote.grants.other_environments import OtherEnvironments, no_other_environments
from minerva_promote.grants.roles import find_role_drift
from minerva_promote.grants.wanted import Wanted, declared_functions, import_role, resolve_wanted
from minerva_promote.results import Finding, Severity


@dataclass(frozen=True, slots=True)
class GrantPlan:
    """One comparison of a database with its declaration."""

    live: LiveState
    wanted: Wanted
    drifts: tuple[Drift, ...]  # in the order in which their statements run
    accepted: tuple[Drift, ...]  # known and wanted, by `accept:`
    notes: tuple[Finding, ...]  # what is worth a word, and no drift

    @property
    def unknown(self) -> bool:
        """Whether something is declared about what does not exist: then nothing is applied."""
        return any(drift.code == "unknown-object" for drift in self.drifts)


def plan_grants(
    conn: Connection, environment: Environment, other_environments: OtherEnvironments = no_other_environments
) -> GrantPlan:
    """Compare the database of ``conn``, the admin identity's, with what the environment declares.

    Reads only, in as many queries as inspect, whatever the number of roles and tables.
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
    """The same for what was read already.

    ``only`` looks at some of the roles, ``admin`` names the admin identity where another role looked, and
    ``exact_public`` False tells of PUBLIC only what gives those roles more than declared. ``elsewhere`` is what other
    environments declare for other databases of the server.
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
        (*_unused_accepts(environment, accepts, accepted), *_undeclared_import_role(live, environment)),
    )


def _order(drift: Drift) -> tuple[int, bool, int, str, str, str]:
    """As statements have to run: PUBLIC gives nothing on, and so comes first."""
    return drift.phase, drift.role != PUBLIC, -drift.depth, drift.role, drift.what, drift.code


def _with_location(environment: Environment, drift: Drift) -> Drift:
    """The drift with the place of its role, or of PUBLIC where that is declared."""
    path = ("public",) if drift.role == PUBLIC else ("roles", drift.role)
    declared = drift.role in environment.roles or (drift.role == PUBLIC and environment.public is not None)
    return replace(drift, location=environment.location(*path)) if declared and drift.location is None else drift


def _is_accepted(drift: Drift, accepts: Iterable[Accept]) -> bool:
    return any((entry.code, entry.object) == (drift.code, drift.what) for entry in accepts)


def _unused_accepts(
    environment: Environment, accepts: Mapping[str, tuple[Accept, ...]], accepted: tuple[Drift, ...]
) -> Iterator[Finding]:
    used = {(drift.role, drift.code, drift.what) for drift in accepted}
    for role, entries in accepts.items():
        path = ("accept",) if role == PUBLIC else ("roles", role, "accept")
        for number, entry in enumerate(entries):
            if (role, entry.code, entry.object) not in used:
                yield Finding(
                    "unused-accept",
                    f"{grantee_name(role)} has no {entry.code}: {entry.object}",
                    environment.location(*path, number),
                    hint="take the entry out",
                    severity=Severity.WARN,
                )


def _undeclared_import_role(live: LiveState, environment: Environment) -> Iterator[Finding]:
    """The import role is what a run is about: what it may do should stand in the declaration."""
    name = import_role(environment)
    if name is not None and name not in environment.roles and name in live.roles and name != PUBLIC:
        yield undeclared_import_role_finding(environment, name)


def undeclared_import_role_finding(
    environment: Environment,
    role: str,
    so: str = "what it may do is not compared",
    severity: Severity = Severity.WARN,
) -> Finding:
    """The import role has no declaration, and what follows from that."""
    message = f"import role {role} is not declared in roles: {so}"
    hint = f"declare it with its grants: promote grants --env {environment.name} --generate shows how"
    return Finding("undeclared-import-role", message, hint=hint, severity=severity)
