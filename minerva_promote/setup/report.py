"""The steps and sentences of promote setup, and of an environment that is not ready for an import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from minerva_promote.config.project import Environment
from minerva_promote.migrations.state import MigrationState
from minerva_promote.results import Finding, Outcome, Severity, StepResult

if TYPE_CHECKING:
    from minerva_promote.grants.model import Drift, Slot


def part_step(name: str, detail: str, *, changed: bool = False) -> StepResult:
    """A part of the environment that is in place: an extension, the ledger, the migrations."""
    return StepResult("setup", name, Outcome.OK, detail, data={"changed": changed})


def database_step(name: str, detail: str, statement: str = "") -> StepResult:
    """The database; ``statement`` created it, empty when it existed."""
    statements = [statement] if statement else []
    data = {"statements": statements, "changed": bool(statements)}
    return StepResult("setup", f"database {name}", Outcome.OK, detail, data=data)


def extension_step(version: str | None, *, created: bool) -> StepResult:
    """The extension vector with its version."""
    detail = f"made ({version})" if created else f"already there ({version})"
    return part_step("extension vector", detail, changed=created)


def ledger_step(before: int | None, version: int, *, changed: bool) -> StepResult:
    """The ledger; ``before`` is its version before setup, None or 0 without one."""
    action = f"upgraded from version {before}" if changed and before else "made" if changed else "already there"
    return part_step("ledger", f"{action} (version {version})", changed=changed)


def role_step(name: str, changes: Sequence[str], statements: Sequence[str], *, password_unread: bool) -> StepResult:
    """A declared role with what changed; ``password_unread`` when a declared password could not be compared."""
    detail = ", ".join(changes) or "already there"
    if password_unread:
        detail += " (its password is left as it is: only a superuser can compare it)"
    data = {"statements": list(statements), "changed": bool(statements)}
    return StepResult("setup", f"role {name}", Outcome.OK, detail, data=data)


def describe_role_change(environment: Environment, drift: Drift) -> str:
    """The change of a role in a few words, after its statements were executed."""
    role = environment.roles[drift.role]
    match drift.code:
        case "missing-role":
            return "made"
        case "login":
            return "may log in" if role.login else "may no longer log in"
        case "connection-limit":
            return f"connection limit {role.connection_limit}"
        case _:
            key = drift.what.removeprefix("setting ")
            return f"{key} = {role.settings[key]}"


def grants_step(role: str, statements: Sequence[str]) -> StepResult:
    """The privileges granted to a role."""
    detail = f"{len(statements)} given" if statements else "already there"
    data = {"statements": list(statements), "changed": bool(statements)}
    return StepResult("setup", f"grants to {role}", Outcome.OK, detail, data=data)


def public_step(revoked: int, statements: Sequence[str], findings: Sequence[Finding]) -> StepResult:
    """The privileges revoked from PUBLIC; a warning with ``findings`` about those it keeps."""
    return StepResult(
        "setup",
        "grants to PUBLIC",
        Outcome.WARN if findings else Outcome.OK,
        f"{revoked} taken away" if revoked else "nothing to take away",
        findings=tuple(findings),
        data={"statements": list(statements) if revoked else [], "changed": bool(revoked)},
    )


def kept_public_privileges(kept: Mapping[tuple[Slot, str], str]) -> list[Finding]:
    """The privileges that PUBLIC keeps because this role may not revoke them; values are the REVOKE statements."""
    return [
        Finding(
            "public-privilege",
            f"PUBLIC has {privilege} on {slot.kind} {slot.name}, and this role may not take it away",
            hint=f"as its owner: {statement}",
            severity=Severity.WARN,
        )
        for (slot, privilege), statement in kept.items()
    ]


def missing_database_step(environment: Environment) -> StepResult:
    """An embedded environment before its first run."""
    message = f"there is no database {environment.url.dbname} yet: the first run would make it"
    return _not_ready("database", message, f"promote setup --env {environment.name}")


def missing_roles_step(environment: Environment, roles: Sequence[str]) -> StepResult:
    """Declared roles that the server lacks."""
    message = f"the server has no role {', '.join(roles)}"
    return _not_ready("roles", message, f"promote setup --env {environment.name}")


def not_migrated_step(environment: Environment, state: MigrationState) -> StepResult:
    """A database that is not at the head of the migrations."""
    return _not_ready("migrations", f"the database is {state.description}", state.hint(environment.name))


def ledger_version_step(message: str, hint: str) -> StepResult:
    """A ledger that is missing or has another version."""
    return _not_ready("ledger", message, hint)


def _not_ready(name: str, message: str, hint: str) -> StepResult:
    return StepResult("preflight", name, Outcome.FAIL, message, hint=hint)


def setup_verdict(*, ready: bool, changed: bool) -> str:
    """The last line of promote setup."""
    verdict = "ready" if ready else "not ready"
    return verdict if changed else f"{verdict}: nothing was changed"
