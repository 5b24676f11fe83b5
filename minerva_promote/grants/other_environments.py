"""The database privileges that other environments of a project declare on the same server."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cache

from minerva_promote.config.connection_url import Target
from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.privileges import expand
from minerva_promote.config.project import Environment, Project
from minerva_promote.config.server_names import server_names
from minerva_promote.errors import PromoteError

# called with the server's major version: database -> role -> privileges on it
OtherEnvironments = Callable[[int], Mapping[str, Mapping[str, frozenset[str]]]]


def no_other_environments(release: int) -> Mapping[str, Mapping[str, frozenset[str]]]:
    """No privileges: for a comparison of one environment alone."""
    return {}


def read_other_environments(project: Project, environment: Environment) -> OtherEnvironments:
    """A function that reads the other environments on its first call, and skips those without a URL or with faults."""

    @cache
    def read(release: int) -> Mapping[str, Mapping[str, frozenset[str]]]:
        grants: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)
        here = _servers(environment)
        for name in project.environment_names:
            if name == environment.name:
                continue
            try:
                other = read_environment(project, name)
            except PromoteError:
                continue
            databases = {target.dbname for target in _targets(other) if server_names(target) & here}
            for database in databases:
                for role, declared in other.roles.items():
                    privileges = (
                        expand(declared.grants.database, "database", release) if not declared.absent else frozenset()
                    )
                    grants[database][role] = grants[database].get(role, frozenset()) | privileges
        return grants

    return read


def _targets(environment: Environment) -> Iterator[Target]:
    for identity in ("url", "admin_url"):
        try:
            yield environment.target("url" if identity == "url" else "admin_url")
        except PromoteError:  # not set, on this machine
            continue


def _servers(environment: Environment) -> frozenset[str]:
    return frozenset[str]().union(*map(server_names, _targets(environment)))
