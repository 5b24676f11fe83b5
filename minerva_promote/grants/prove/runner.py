"""The proof of `promote grants --prove`: a session as each declared role, and the attempts made in it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.savepoint_trial import TrialResult, try_statements
from minerva_promote.database.session import admin_session
from minerva_promote.errors import Location, PromoteError
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import PrivilegesBySlot
from minerva_promote.grants.other_environments import OtherEnvironments, read_other_environments
from minerva_promote.grants.prove.attempt import Attempt, AttemptTargets, read_attempt_targets
from minerva_promote.grants.prove.become_role import RoleSession, become_role
from minerva_promote.grants.prove.declared import declared_attempts
from minerva_promote.grants.prove.expected import ExpectedPrivileges, expected_privileges
from minerva_promote.grants.prove.objects import object_attempts
from minerva_promote.grants.prove.server import server_attempts


@dataclass(frozen=True, slots=True)
class RoleProof:
    """The attempts made as one role, or why none was made."""

    expected: ExpectedPrivileges
    location: Location  # of the role's declaration
    error: PromoteError | None = None  # CannotBecomeRole: there is no way to become the role
    method: str = ""  # how the session became the role: "logged in (url)"
    seconds: float = 0
    trials: tuple[tuple[Attempt, TrialResult], ...] = ()
    skipped_statements: tuple[str, ...] = ()  # that mean nothing in this session: "SET ROLE"
    lacks_extension: bool = False  # CREATE EXTENSION must be refused, and the server has none to try it with


def prove(
    project: Project, environment: Environment, live: LiveState, held: PrivilegesBySlot, only: str | None = None
) -> tuple[RoleProof, ...]:
    """Try as every declared role that exists what it must be able to do, and what it must not.

    ``held`` are the declared privileges; ``only`` limits the proof to one role. Nothing is changed: every attempt is
    rolled back, and those that a rollback would not undo are made so that they have no effect.
    """
    names = [
        name
        for name, role in sorted(environment.roles.items())
        if name in live.roles and not role.absent and only in (None, name)
    ]
    if not names:
        return ()
    other_environments = read_other_environments(project, environment)
    with admin_session(project, environment) as conn:
        targets = read_attempt_targets(conn)
    all_expected = [expected_privileges(name, environment.roles, held, live, environment.accept) for name in names]
    return tuple(
        _prove_role(project, environment, live, expected, targets, other_environments) for expected in all_expected
    )


def _prove_role(
    project: Project,
    environment: Environment,
    live: LiveState,
    expected: ExpectedPrivileges,
    targets: AttemptTargets,
    other_environments: OtherEnvironments,
) -> RoleProof:
    started, location = time.perf_counter(), environment.location("roles", expected.role)
    attempts = [
        *declared_attempts(targets, live, expected),
        *object_attempts(targets, live, expected),
        *server_attempts(targets, live, expected, other_environments),
    ]
    try:
        with become_role(project, environment, live, expected.role) as session:
            skipped = _meaningless_statements(session)
            possible = _without_statements(attempts, skipped)
            results = try_statements(session.conn, [attempt.statement for attempt in possible])
    except PromoteError as error:
        return RoleProof(expected, location, error)
    return RoleProof(
        expected,
        location,
        method=session.method,
        seconds=time.perf_counter() - started,
        trials=tuple(zip(possible, results, strict=True)),
        skipped_statements=skipped,
        lacks_extension=not targets.of_kind("addable")
        and "CREATE" not in expected.privileges_on("database", live.database),
    )


def _meaningless_statements(session: RoleSession) -> tuple[str, ...]:
    """The statements that the rights of the admin decide in a session of the admin."""
    statements = [] if session.is_session_user else ["SET ROLE"]
    return (*statements, *([] if session.logged_in else ["SET SESSION AUTHORIZATION"]))


def _without_statements(attempts: Iterable[Attempt], statements: tuple[str, ...]) -> list[Attempt]:
    return [attempt for attempt in attempts if not attempt.what.startswith(statements)]
