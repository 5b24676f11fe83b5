"""Proof of what roles can do: being each of them, and trying."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.savepoint_trial import TrialResult, try_statements
from minerva_promote.database.session import admin_session
from minerva_promote.errors import PromoteError
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import PrivilegesBySlot
from minerva_promote.grants.other_environments import OtherEnvironments, read_other_environments
from minerva_promote.grants.prove.attempt import Attempt, AttemptTargets, read_attempt_targets
from minerva_promote.grants.prove.become_role import CannotBecomeRole, RoleSession, become_role
from minerva_promote.grants.prove.declared import declared_attempts
from minerva_promote.grants.prove.expected import ExpectedPrivileges, expected_privileges
from minerva_promote.grants.prove.objects import object_attempts
from minerva_promote.grants.prove.server import server_attempts
from minerva_promote.results import Finding, Outcome, StepResult
from minerva_promote.text_format import counted

STEP = "prove"
ORDER = (  # of the lines; others, the privileges that something may have, come as they are declared
    *("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "ALTER", "DROP", "CREATE", "TEMPORARY", "GRANT", "LOCK"),
    *("other rights", "nextval", "EXECUTE", "lo_create", "new revision", "forgery", "other roles", "new powers"),
    *("databases", "settings", "server files", "secrets", "admin's work"),
)
SHOWN = 20  # findings of one line; the others are named in one more


def prove(
    project: Project, environment: Environment, live: LiveState, held: PrivilegesBySlot, only: str | None = None
) -> tuple[StepResult, ...]:
    """What every declared role that exists can do, tried as that role: one line for each kind of attempt.

    Nothing is changed: every attempt is rolled back, and those that a rollback would not undo are made so that they
    come to nothing.
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
    return tuple(
        step
        for name in names
        for step in _proof(
            project,
            environment,
            live,
            expected_privileges(name, environment.roles, held, live, environment.accept),
            targets,
            other_environments,
        )
    )


def _proof(
    project: Project,
    environment: Environment,
    live: LiveState,
    expected: ExpectedPrivileges,
    targets: AttemptTargets,
    other_environments: OtherEnvironments,
) -> Iterator[StepResult]:
    begun, at = time.perf_counter(), environment.location("roles", expected.role)
    attempts = [
        *declared_attempts(targets, live, expected),
        *object_attempts(targets, live, expected),
        *server_attempts(targets, live, expected, other_environments),
    ]
    try:
        with become_role(project, environment, live, expected.role) as identity:
            possible, left_out = _possible(attempts, identity)
            triable_events = try_statements(identity.conn, [attempt.statement for attempt in possible])
    except CannotBecomeRole as reason:
        data = {"role": expected.role, "attempts": 0}
        yield StepResult(STEP, expected.role, Outcome.SKIP, reason.message, location=at, hint=reason.hint, data=data)
        return
    except PromoteError as error:
        data = {"role": expected.role, "attempts": 0}
        yield StepResult(STEP, expected.role, Outcome.ERROR, error.message, location=at, hint=error.hint, data=data)
        return
    seconds = time.perf_counter() - begun
    detail = f"{counted(len(possible), 'attempts')}, {identity.method}"
    data = {"role": expected.role, "attempts": len(possible), "how": identity.method}
    yield StepResult(STEP, expected.role, Outcome.OK, detail, seconds, at, data=data)
    topics: dict[tuple[bool, str], _AttemptGroup] = {}
    for attempt, answer in zip(possible, triable_events, strict=True):
        key = (attempt.declared, attempt.topic)
        topics.setdefault(key, _AttemptGroup(expected, attempt.topic, attempt.declared)).add(attempt, answer)
    yield from (topic.step() for topic in sorted(topics.values(), key=_place))
    if left_out:
        yield StepResult(STEP, f"{expected.role}: not tried", Outcome.SKIP, left_out, data={"role": expected.role})
    if not targets.of_kind("addable") and "CREATE" not in expected.privileges_on("database", live.database):
        detail = "CREATE EXTENSION: the server has none that the role could add"
        yield StepResult(STEP, f"{expected.role}: not tried", Outcome.SKIP, detail, data={"role": expected.role})


def _possible(attempts: Iterable[Attempt], identity: RoleSession) -> tuple[list[Attempt], str]:
    """The attempts that mean something in this session, and in words which do not and why."""
    without = [] if identity.logged_in else ["SET SESSION AUTHORIZATION"]
    without += [] if identity.is_session_user else ["SET ROLE"]
    possible = [each for each in attempts if not each.what.startswith(tuple(without))]
    if not without:
        return possible, ""
    return possible, f"{' and '.join(sorted(without))}: the session is the admin's, whose rights decide these"


@dataclass(slots=True)
class _AttemptGroup:
    """All attempts of one line."""

    expected: ExpectedPrivileges
    name: str
    declared: bool
    objects: dict[str, set[str]] = field(default_factory=dict)  # noun -> objects
    wrong: set[tuple[str, str]] = field(default_factory=set)  # noun and object
    accepted: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    undecided: bool = False

    def add(self, attempt: Attempt, triable_events: TrialResult) -> None:
        """Hold one attempt against what is declared."""
        self.objects.setdefault(attempt.noun, set()).add(attempt.target)
        refused = attempt.refused(triable_events)
        if refused is not None and refused != attempt.declared:
            return
        hint = f"tried: {attempt.statement.as_string(None)}"
        message = triable_events.refusal.message if triable_events.refusal else "the server says no"
        if refused is None:
            self.undecided = True
            message = f"{attempt.what} could not be decided: {message}"
            self.findings.append(Finding("undecided", message, hint=hint))
        elif attempt.declared:
            self.findings.append(Finding("refused-though-declared", f"{attempt.what}: {message}", hint=hint))
        elif self.expected.accepts(attempt.target):
            self.accepted.add(attempt.target)
            return
        else:
            self.findings.append(Finding("not-refused", attempt.description(triable_events.refusal), hint=hint))
        self.wrong.add((attempt.noun, attempt.target))

    def step(self) -> StepResult:
        """The line."""
        failed = any(finding.code != "undecided" for finding in self.findings)
        outcome = Outcome.FAIL if failed else Outcome.ERROR if self.undecided else Outcome.OK
        name = f"{self.expected.role}: {'may' if self.declared else 'no'} {self.name}"
        data = {
            "role": self.expected.role,
            "declared": self.declared,
            "objects": {noun.partition(" ")[2]: len(objects) for noun, objects in self.objects.items()},
            "wrong": sorted({target for _, target in self.wrong}),
            "accepted": sorted(self.accepted),
        }
        return StepResult(STEP, name, outcome, self._detail(failed), findings=_truncated(self.findings), data=data)

    def _detail(self, failed: bool) -> str:
        word = "works" if self.declared else "refused"
        if failed:
            word = f"not {'working' if self.declared else 'refused'}"
        elif self.undecided:
            word = "undecided"
        parts, before = [], ""
        for noun in self.objects:
            preposition, _, rest = self._counted(noun, failed or self.undecided).partition(" ")
            parts += [rest if preposition == before else f"{preposition} {rest}"] if rest else []
            before = preposition or before
        accepted = [f"{counted(len(self.accepted), 'objects')} accepted"] if self.accepted else []
        return f"{word} {', '.join(parts + accepted)}"

    def _counted(self, noun: str, only_wrong: bool) -> str:
        preposition, _, plural = noun.partition(" ")
        total = len(self.objects[noun])
        if not only_wrong:
            return f"{preposition} {counted(total, plural)}"
        wrong = sum(1 for its_noun, _ in self.wrong if its_noun == noun)
        return f"{preposition} {wrong:,} of {counted(total, plural)}" if wrong else ""


def _place(topic: _AttemptGroup) -> tuple[bool, int]:
    return not topic.declared, ORDER.index(topic.name) if topic.name in ORDER else -1


def _truncated(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The first ones, and one more that counts the rest."""
    if len(findings) <= SHOWN:
        return tuple(findings)
    rest = findings[SHOWN:]
    more = Finding(rest[0].code, f"and {len(rest):,} more of this kind", count=len(rest))
    return (*findings[:SHOWN], more)
