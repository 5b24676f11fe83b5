"""The steps and the verdict of `promote grants --prove`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from minerva_promote.config.project import Environment
from minerva_promote.database.savepoint_trial import TrialResult
from minerva_promote.database.server_errors import StatementError
from minerva_promote.grants.escalation.phrases import join_words
from minerva_promote.grants.plan import GrantPlan
from minerva_promote.grants.prove.attempt import Attempt
from minerva_promote.grants.prove.become_role import CannotBecomeRole
from minerva_promote.grants.prove.expected import ExpectedPrivileges
from minerva_promote.grants.prove.runner import RoleProof
from minerva_promote.grants.report import drift_steps, nothing_declared, remark_steps
from minerva_promote.results import Finding, Outcome, RunResult, StepResult
from minerva_promote.text_format import counted

STEP = "prove"
TOPIC_ORDER = (  # of the steps; other topics, privileges that a role is declared to have, precede them
    *("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "ALTER", "DROP", "CREATE", "TEMPORARY", "GRANT", "LOCK"),
    *("other rights", "nextval", "EXECUTE", "lo_create", "new revision", "forgery", "other roles", "new powers"),
    *("databases", "settings", "server files", "secrets", "admin's work"),
)
MAX_FINDINGS = 20  # findings of one step; one more finding counts the others


def proof_result(environment: Environment, plan: GrantPlan, proofs: Iterable[RoleProof]) -> RunResult:
    """The comparison, and the proof of each role.

    Drift is a failure although no attempt met it: what is tried is less than what is compared.
    """
    compared = (*nothing_declared(environment), *drift_steps(plan.drifts), *remark_steps(plan))
    steps = proof_steps(proofs)
    return RunResult(
        command="grants",
        environment=environment.name,
        title=f"database {plan.live.database}",
        steps=(*compared, *steps),
        verdict=f"{_verdict(environment, plan, steps)}; nothing was changed",
        data={"roles": sorted(plan.wanted.roles), "drift": len(plan.drifts), "tested": _tested(steps)},
    )


def proof_steps(proofs: Iterable[RoleProof]) -> tuple[StepResult, ...]:
    """For each role one step on the session, and one for each topic of its attempts."""
    return tuple(step for proof in proofs for step in _role_steps(proof))


def _role_steps(proof: RoleProof) -> Iterator[StepResult]:
    role, location, error = proof.expected.role, proof.location, proof.error
    if error is not None:
        outcome = Outcome.SKIP if isinstance(error, CannotBecomeRole) else Outcome.ERROR
        data = {"role": role, "attempts": 0}
        yield StepResult(STEP, role, outcome, error.message, location=location, hint=error.hint, data=data)
        return
    detail = f"{counted(len(proof.trials), 'attempts')}, {proof.method}"
    data = {"role": role, "attempts": len(proof.trials), "how": proof.method}
    yield StepResult(STEP, role, Outcome.OK, detail, proof.seconds, location, data=data)
    groups: dict[tuple[bool, str], _AttemptGroup] = {}
    for attempt, trial in proof.trials:
        group = _AttemptGroup(proof.expected, attempt.topic, attempt.declared)
        groups.setdefault((attempt.declared, attempt.topic), group).add(attempt, trial)
    yield from (group.step() for group in sorted(groups.values(), key=_order))
    for reason in _not_tried(proof):
        yield StepResult(STEP, f"{role}: not tried", Outcome.SKIP, reason, data={"role": role})


def _not_tried(proof: RoleProof) -> Iterator[str]:
    if proof.skipped_statements:
        skipped = " and ".join(proof.skipped_statements)
        yield f"{skipped}: the session is the admin's, whose rights decide these"
    if proof.lacks_extension:
        yield "CREATE EXTENSION: the server has none that the role could add"


@dataclass(slots=True)
class _AttemptGroup:
    """The attempts of one role on one topic: one step."""

    expected: ExpectedPrivileges
    topic: str
    declared: bool
    objects: dict[str, set[str]] = field(default_factory=dict)  # Attempt.noun -> objects
    wrong: set[tuple[str, str]] = field(default_factory=set)  # Attempt.noun and object
    accepted: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    undecided: bool = False

    def add(self, attempt: Attempt, trial: TrialResult) -> None:
        """Compare the result of one attempt with the declaration."""
        self.objects.setdefault(attempt.noun, set()).add(attempt.target)
        refused = attempt.refused(trial)
        if refused is not None and refused != attempt.declared:
            return
        refusal = trial.refusal.message if trial.refusal else "the server says no"
        if refused is None:
            self.undecided = True
            code, message = "undecided", f"{attempt.what} could not be decided: {refusal}"
        elif attempt.declared:
            code, message = "refused-though-declared", f"{attempt.what}: {refusal}"
        elif self.expected.accepts(attempt.target):
            self.accepted.add(attempt.target)
            return
        else:
            code, message = "not-refused", _describe_success(attempt, trial.refusal)
        self.findings.append(Finding(code, message, hint=f"tried: {attempt.statement.as_string(None)}"))
        self.wrong.add((attempt.noun, attempt.target))

    def step(self) -> StepResult:
        """The step of all attempts that were added."""
        failed = any(finding.code != "undecided" for finding in self.findings)
        outcome = Outcome.FAIL if failed else Outcome.ERROR if self.undecided else Outcome.OK
        name = f"{self.expected.role}: {'may' if self.declared else 'no'} {self.topic}"
        data = {
            "role": self.expected.role,
            "declared": self.declared,
            "objects": {noun.partition(" ")[2]: len(objects) for noun, objects in self.objects.items()},
            "wrong": sorted({target for _, target in self.wrong}),
            "accepted": sorted(self.accepted),
        }
        return StepResult(STEP, name, outcome, self._detail(failed), findings=_truncated(self.findings), data=data)

    def _detail(self, failed: bool) -> str:
        outcome = "works" if self.declared else "refused"
        if failed:
            outcome = f"not {'working' if self.declared else 'refused'}"
        elif self.undecided:
            outcome = "undecided"
        parts, previous = [], ""
        for noun in self.objects:
            preposition, _, rest = self._count(noun, failed or self.undecided).partition(" ")
            parts += [rest if preposition == previous else f"{preposition} {rest}"] if rest else []
            previous = preposition or previous
        accepted = [f"{counted(len(self.accepted), 'objects')} accepted"] if self.accepted else []
        return f"{outcome} {', '.join(parts + accepted)}"

    def _count(self, noun: str, only_wrong: bool) -> str:
        """``on 3 tables``; with ``only_wrong`` ``on 1 of 3 tables``, and nothing where none is wrong."""
        preposition, _, plural = noun.partition(" ")
        total = len(self.objects[noun])
        if not only_wrong:
            return f"{preposition} {counted(total, plural)}"
        wrong = sum(1 for wrong_noun, _ in self.wrong if wrong_noun == noun)
        return f"{preposition} {wrong:,} of {counted(total, plural)}" if wrong else ""


def _order(group: _AttemptGroup) -> tuple[bool, int]:
    return not group.declared, TOPIC_ORDER.index(group.topic) if group.topic in TOPIC_ORDER else -1


def _describe_success(attempt: Attempt, refusal: StatementError | None) -> str:
    """What the server did where it should have refused; ``refusal`` came after it had checked privileges."""
    if attempt.is_question:
        return f"the server says that it may: {attempt.what}"
    if refusal is None:
        return f"{attempt.what} was carried out"
    return f"{attempt.what} was not refused, the server got as far as: {refusal.message}"


def _truncated(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The first findings, and one that counts the others."""
    if len(findings) <= MAX_FINDINGS:
        return tuple(findings)
    rest = findings[MAX_FINDINGS:]
    more = Finding(rest[0].code, f"and {len(rest):,} more of this kind", count=len(rest))
    return (*findings[:MAX_FINDINGS], more)


def _tested(steps: Sequence[StepResult]) -> list[str]:
    return sorted({str(step.data["role"]) for step in steps if step.data.get("attempts")})


def _verdict(environment: Environment, plan: GrantPlan, steps: Sequence[StepResult]) -> str:
    faults = ["no role is declared"] if list(nothing_declared(environment)) else []
    if plan.drifts:
        faults.append(f"drift: {counted(len(plan.drifts), 'differences')}")
    if failed := sum(step.outcome.closes_gate for step in steps):
        faults.append(f"{failed} of {counted(len(steps), 'steps')} of the proof failed")
    if faults:
        return f"not proved: {'; '.join(faults)}"
    tested = _tested(steps)
    untested = sorted(set(plan.wanted.roles) - set(tested))
    if not tested:
        return (
            f"no drift, and no role was tested: {join_words(untested)}" if untested else "no drift, and no role to test"
        )
    proved = f"proved: {counted(len(tested), 'roles')} can do what is declared, and nothing else that was tried"
    return f"{proved}; {join_words(untested)} not tested" if untested else proved
