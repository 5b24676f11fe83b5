"""`promote env`: which environments there are, and whether one answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from minerva_promote.cli.common import env_argument, env_option, environment_of, format_option, load_project, output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from minerva_promote.config.project import Environment, Identity, Project
    from minerva_promote.database.database_identity import DatabaseIdentity
    from minerva_promote.results import StepResult

# Of a server: the outcome of its ping, what the line says of it, and the hint.
_MODES = {
    "primary": ("ok", "", ""),
    "standby": ("WARN", ", a standby", "imports, setup and undo need the primary server's address"),
    "read-only": ("WARN", ", read-only", "SHOW default_transaction_read_only: find out where it is set"),
}


@click.group()
def env() -> None:
    """List the environments, or see whether one answers.

    \b
    Examples:
      promote env list
      promote env ping --env prod
    """


@env.command("list")
@format_option
def list_environments(form: str) -> None:
    """List the environments with their kind and where they are; connects to none.

    \b
    Example:
      promote env list
    """
    from minerva_promote.config.load_environment import read_environment
    from minerva_promote.results import RunResult

    project = load_project()
    steps = tuple(_entry(read_environment(project, name)) for name in project.environment_names)
    output(RunResult("env list", steps=steps), form)


@env.command()
@env_argument
@env_option
@format_option
def ping(environment: str | None, option: str | None, form: str) -> None:
    """Connect as each identity of an environment and say what answers. Changes nothing.

    \b
    Example:
      promote env ping --env test-prod
    """
    from minerva_promote.results import Outcome, RunResult

    project = load_project()
    target = environment_of(project, environment, option)
    found: dict[Identity, DatabaseIdentity] = {}
    identities: list[Identity] = ["url", "admin_url"]
    identities += ["direct_url"] if "direct_url" in target.settings else []
    steps = [_answer(project, target, identity, found) for identity in identities]
    if found:
        steps.append(_identity(target, found))
    down = any(step.outcome is Outcome.FAIL for step in steps)
    verdict = f"{target.name} does not answer as it should" if down else f"{target.name} answers"
    output(RunResult("env ping", target.name, steps=tuple(steps), verdict=verdict), form)


def _entry(target: Environment) -> StepResult:
    """One environment: where its url leads, or which variable is missing."""
    from minerva_promote.errors import ConfigError
    from minerva_promote.results import Outcome, StepResult

    facts = [target.kind, *(["protected"] if target.protected else [])]
    try:
        where = target.url.redacted()
        outcome = Outcome.WARN if target.warnings else Outcome.OK
    except ConfigError as error:
        where, outcome = error.message, Outcome.SKIP
    hint = "; ".join(target.warnings)
    data = {"kind": target.kind, "protected": target.protected, "url": where, "warnings": list(target.warnings)}
    if "direct_url" in target.settings:
        try:
            data["direct_url"] = target.target("direct_url").redacted()
        except ConfigError as error:
            data["direct_url"] = error.message
        where = f"{where}; direct_url {data['direct_url']}"
    return StepResult(
        "env", target.name, outcome, f"{', '.join(facts)}: {where}", location=target.at, hint=hint, data=data
    )


def _answer(
    project: Project, target: Environment, identity: Identity, found: dict[Identity, DatabaseIdentity]
) -> StepResult:
    """One identity; ``found`` learns where it leads, also when that is not where it should."""
    from minerva_promote.database.catalog import server
    from minerva_promote.database.database_identity import require_identity, whereabouts
    from minerva_promote.database.session import closed_after, connect
    from minerva_promote.errors import ConfigError, TargetError
    from minerva_promote.results import Outcome, StepResult

    begun = time.perf_counter()
    try:
        where = target.target(identity)
        conn = connect(where, project.root, target.timeouts, environment=target.name)
        with closed_after(conn):
            found[identity] = whereabouts(conn)
            require_identity(conn, target, where)
            facts, pooled = server(conn), conn.pooled
    except ConfigError as error:
        outcome = Outcome.SKIP if identity == "admin_url" else Outcome.FAIL
        return StepResult("ping", identity, outcome, error.message, location=error.location, hint=error.hint)
    except TargetError as error:
        return StepResult("ping", identity, Outcome.FAIL, error.message, location=error.location, hint=error.hint)
    major, minor = divmod(facts.version_num, 10_000)
    vector = f"pgvector {facts.vector_version}" if facts.vector_version else "no pgvector"
    mode = "standby" if facts.in_recovery else "read-only" if facts.read_only else "primary"
    word, more, hint = _MODES[mode]
    more += ", through a connection pooler" if pooled else ""
    detail = f"{facts.role} on {facts.database}, PostgreSQL {major}.{minor}, {vector}{more}"
    took = time.perf_counter() - begun
    data = {
        "role": facts.role,
        "database": facts.database,
        "version": facts.version_num,
        "mode": mode,
        "pooled": pooled,
        "ms": round(took * 1e3, 1),
    }
    return StepResult("ping", identity, Outcome(word), detail, took, hint=hint, data=data)


def _identity(target: Environment, found: Mapping[Identity, DatabaseIdentity]) -> StepResult:
    """Which database that is, as it can be pinned."""
    from minerva_promote.database.database_identity import identity_yaml
    from minerva_promote.results import Outcome, StepResult

    best = max(found.values(), key=lambda where: where.known)
    data = {"system_identifier": best.system_identifier, "database": best.database, "pinned": target.pin is not None}
    if len({where.database for where in found.values()}) > 1 or (
        len({where.system_identifier for where in found.values() if where.known}) > 1
    ):
        said = "; ".join(f"{identity} leads to {identity_yaml(where)}" for identity, where in found.items())
        hint = "both must reach the same database"
        return StepResult("identity", "", Outcome.FAIL, said, hint=hint, data=data)
    unread = "" if best.known else f"; the server's own number cannot be read: {best.why_not}"
    return StepResult("identity", "", Outcome.OK, identity_yaml(best) + unread, data=data)
