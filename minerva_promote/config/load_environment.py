"""environments/NAME.yaml to an Environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from minerva_promote.config.connection_url import FORMAT, parse_url
from minerva_promote.config.dotenv import read_dotenv
from minerva_promote.config.durations import DURATION, DURATION_HINT
from minerva_promote.config.model_validation import raise_all, validate
from minerva_promote.config.models.project import EnvironmentFile, Role
from minerva_promote.config.project import Environment, Identity, Project, Setting
from minerva_promote.config.rules.gates import gate_faults
from minerva_promote.config.rules.roles import role_faults
from minerva_promote.config.suggest import did_you_mean, listing
from minerva_promote.config.variables import fill, process_lookup, variables_of
from minerva_promote.config.yaml_source import Keys, Source, fault, read_source
from minerva_promote.errors import ConfigError, Location, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minerva_promote.config.connection_url import Target


_URLS = ("url", "admin_url", "direct_url", "scratch_url")


def read_environment(project: Project, name: str) -> Environment:
    """The environment, with variables from the process environment and .env.

    Raises UsageError for an unknown name, and ConfigErrors with every fault of the file. Adds the secrets that it reads
    to the project's redactor.
    """
    if name not in project.environment_names:
        near = did_you_mean(name, project.environment_names)
        hint = f"known: {listing(project.environment_names)}; a new one is a file environments/NAME.yaml"
        raise UsageError(f'unknown environment "{name}"{near}', hint=hint)
    dotenv = read_dotenv(project.root / ".env")
    lookup = process_lookup(os.environ, dotenv)
    file = f"environments/{name}.yaml"
    faults: list[ConfigError] = []
    source = read_source(project.root / "environments" / f"{name}.yaml", file)

    names = _variables(source.values) - set(os.environ)
    raise_all(dotenv.faults(names))
    project.notices.extend(warning for warning in dotenv.warnings(names) if warning not in project.notices)

    def unset(variable: str) -> tuple[str, str]:
        return f"{variable} is not set", f"set it in the environment or in .env: {variable}=…"

    filled = fill(source, lookup, unset, faults=faults, where=lambda path: not _is_late(path))
    valid = validate(EnvironmentFile, filled, faults)
    if valid is None:
        raise_all(faults)
    assert valid is not None
    faults += _faults(valid, source, project)
    faults += role_faults(valid, filled)
    urls: dict[Identity, str | None] = {
        "url": valid.url,
        "admin_url": valid.admin_url,
        "direct_url": valid.direct_url,
    }
    settings: dict[Identity, Setting] = {
        key: Setting(key, raw, source.at((key,)), lookup, FORMAT) for key, raw in urls.items() if raw is not None
    }
    passwords = {
        role: Setting(f"roles.{role}.password", declared.password, source.at(("roles", role, "password")), lookup, "…")
        for role, declared in valid.roles.items()
        if declared.password is not None
    }
    environment = Environment(
        name=name,
        kind=valid.kind,
        pooler=valid.pooler,
        protected=valid.protected,
        requires=valid.requires,
        pin=valid.identity,
        backup=valid.backup,
        timeouts=valid.timeouts,
        index=valid.index,
        space=valid.space,
        rehearse_undo=valid.rehearse_undo,
        roles=MappingProxyType({n: _with_password(role, passwords.get(n)) for n, role in valid.roles.items()}),
        public=valid.public,
        accept=valid.accept,
        import_role=valid.import_role or next((n for n, role in valid.roles.items() if role.login), None),
        at=Location(file),
        project=project.name,
        variables=project.variables,
        settings=MappingProxyType(settings),
        passwords=MappingProxyType(passwords),
        scratch=None
        if valid.scratch_url is None
        else Setting("scratch_url", valid.scratch_url, source.at(("scratch_url",)), lookup, FORMAT),
        source=source,
    )
    _learn_secrets(environment, project)
    faults += _target_faults(environment)
    raise_all(faults)
    return environment


def _variables(value: object) -> set[str]:
    """The names of all variables in a value."""
    if isinstance(value, str):
        return set(variables_of(value))
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else ()
    return {name for item in inner for name in _variables(item)}


def _with_password(role: Role, password: Setting | None) -> Role:
    """The role with its password; None when that is empty or its variable is not set."""
    try:
        value = password.resolve() or None if password else None
    except ConfigError:
        value = None
    return role.model_copy(update={"password": value})


def _is_late(path: Keys) -> bool:
    """Whether the variables at this path are filled in only when the value is used."""
    return path in tuple((name,) for name in _URLS) or (len(path) == 3 and path[0] == "roles" and path[2] == "password")


def _faults(valid: EnvironmentFile, source: Source, project: Project) -> Iterator[ConfigError]:
    if valid.import_role is not None and valid.import_role not in valid.roles:
        message = f'no role "{valid.import_role}"{did_you_mean(valid.import_role, valid.roles)}'
        yield fault(source.at(("import_role",)), ("import_role",), message, f"roles: {listing(valid.roles)}")
    elif valid.import_role is not None and valid.roles[valid.import_role].absent:
        message = f'role "{valid.import_role}" must not exist: it is declared absent'
        yield fault(
            source.at(("import_role",)), ("import_role",), message, "name another role, or declare what it may do"
        )
    others = [other for other in project.environment_names if f"environments/{other}.yaml" != source.file]
    yield from gate_faults(valid, source, others)
    for key in ("lock", "statement", "check", "commit"):
        if not DURATION.fullmatch(getattr(valid.timeouts, key)):
            path: Keys = ("timeouts", key)
            yield fault(source.at(path), path, f'"{getattr(valid.timeouts, key)}" is no duration', DURATION_HINT)


def _target(environment: Environment, identity: Identity) -> Target | None:
    """The target; None when its URL is missing, not set or invalid."""
    try:
        return environment.target(identity)
    except ConfigError:
        return None


def _learn_secrets(environment: Environment, project: Project) -> None:
    scratch = [environment.scratch] if environment.scratch is not None else []
    for setting in (*environment.settings.values(), *environment.passwords.values(), *scratch):
        try:
            value = setting.resolve()
        except ConfigError:
            continue
        try:
            is_url = setting.path in _URLS
            project.redactor.add(*(parse_url(value).secrets() if is_url else (value,)))
        except ConfigError:
            project.redactor.add(value)  # not a URL: the text may hold a password all the same


def _target_faults(environment: Environment) -> Iterator[ConfigError]:
    """Faults of url and admin_url taken together; a URL that is not set is none."""
    url, admin = _target(environment, "url"), _target(environment, "admin_url")
    if url is not None and url.embedded and url.user is not None and url.user not in environment.roles:
        setting = environment.settings["url"]
        message = f'no role "{url.user}" in roles{did_you_mean(url.user, environment.roles)}'
        yield ConfigError(f"{setting.name}: {message}", at=setting.at, hint=f"roles: {listing(environment.roles)}")
    elif url is not None and url.embedded and url.user is not None and environment.roles[url.user].absent:
        setting = environment.settings["url"]
        message = f'role "{url.user}" must not exist: it is declared absent'
        hint = "name another role, or declare what it may do"
        yield ConfigError(f"{setting.name}: {message}", at=setting.at, hint=hint)
    if url is None or admin is None:
        return
    url_setting, admin_setting = environment.settings["url"], environment.settings["admin_url"]
    if url.embedded != admin.embedded:
        late, known = (admin_setting, url_setting) if admin.embedded else (url_setting, admin_setting)
        message = (
            f"{late.name} is the embedded server, but {known.name} is another one: both must reach the same database"
        )
        yield ConfigError(message, at=late.at, hint=f"set both variables or neither; the format is {FORMAT}")
    elif url.embedded and url.dbname != admin.dbname:
        message = f"{admin_setting.name} names database {admin.dbname}, but {url_setting.name} {url.dbname}"
        yield ConfigError(message, at=admin_setting.at, hint="both must reach the same database")
