"""`promote env list`: every environment of a project with its kind and its URL. Connects to none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minerva_promote.config.load_environment import read_environment
from minerva_promote.errors import ConfigError
from minerva_promote.results import Outcome, RunResult, StepResult

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment, Project


def list_environments(project: Project) -> RunResult:
    """One step for each environment. Raises ConfigErrors for a file of one that has faults."""
    steps = tuple(_environment_step(read_environment(project, name)) for name in project.environment_names)
    return RunResult("env list", steps=steps)


def _environment_step(environment: Environment) -> StepResult:
    """Where the URLs of an environment lead, passwords left out; in place of a URL that is not set, its variable."""
    attributes = [environment.kind, *(["protected"] if environment.protected else [])]
    try:
        url = environment.url.redacted()
        outcome = Outcome.WARN if environment.warnings else Outcome.OK
    except ConfigError as error:
        url, outcome = error.message, Outcome.SKIP
    data = {
        "kind": environment.kind,
        "protected": environment.protected,
        "url": url,
        "warnings": list(environment.warnings),
    }
    detail = f"{', '.join(attributes)}: {url}"
    if "direct_url" in environment.settings:
        try:
            data["direct_url"] = environment.target("direct_url").redacted()
        except ConfigError as error:
            data["direct_url"] = error.message
        detail += f"; direct_url {data['direct_url']}"
    hint = "; ".join(environment.warnings)
    return StepResult("env", environment.name, outcome, detail, location=environment.at, hint=hint, data=data)
