"""The project and its environments: frozen values that all other packages work on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from minerva_promote.config.connection_url import FORMAT, Target, parse_url
from minerva_promote.config.variables import FORM_HINT, Redactor, UnsetVariable, fill_text, variables_of
from minerva_promote.errors import ConfigError, Location

if TYPE_CHECKING:
    from minerva_promote.config.allowed_differences import Allowance
    from minerva_promote.config.models.project import (
        Accept,
        Backup,
        Contract,
        DatabaseIdentityPin,
        Grants,
        IndexRule,
        LocatedCheck,
        Requires,
        Role,
        Timeouts,
    )
    from minerva_promote.config.snapshot import Snapshot
    from minerva_promote.config.yaml_source import Source

Identity = Literal["url", "admin_url", "direct_url"]


@dataclass(frozen=True, slots=True)
class DeclaredSearch:
    """A search of an application, as promote.yaml declares it."""

    name: str
    sql: str
    settings: Mapping[str, int | str]
    params: Mapping[int, Any]  # examples of $2, $3 …
    at: Location  # of its query


@dataclass(frozen=True, slots=True)
class Project:
    """promote.yaml and checks/, with the variables filled in."""

    root: Path
    name: str
    variables: Mapping[str, int | str]
    contract: Contract
    checks: tuple[LocatedCheck, ...]  # in the order of their files and lines
    templates: Path
    migrations: Path | None  # the Alembic tree; None: somebody else makes the tables
    environment_names: tuple[str, ...]  # sorted
    redactor: Redactor  # receives the secrets of every environment that is read
    searches: tuple[DeclaredSearch, ...] = ()  # of applications
    allowances: tuple[Allowance, ...] = ()  # declared differences between schemas
    extensions: Mapping[str, str] = field(default_factory=dict)  # that a target has, with the oldest version
    recorded: Snapshot | None = None  # contract.snapshot; None: there is no such file, or it was not read
    notices: list[str] = field(default_factory=list, compare=False)  # warnings about .env, printed once

    @property
    def asks_for_vector(self) -> bool:
        """Whether a target must have pgvector: always with migrations, else where ``extensions:`` names it."""
        return self.migrations is not None or "vector" in self.extensions

    def redact(self, text: str) -> str:
        """The text without any secret of this project."""
        return self.redactor.redact(text)


@dataclass(frozen=True, slots=True)
class Setting:
    """A text of an environment file whose variables are filled in only when it is needed."""

    path: str  # "url", "roles.minerva_api.password"
    raw: str = field(repr=False)
    at: Location
    lookup: Callable[[str], str | None] = field(repr=False)
    example: str  # the form of a value, for hints

    @property
    def name(self) -> str:
        """The name in messages: ``url (PRODUCTION_DATABASE_URL)``."""
        names = variables_of(self.raw)
        return f"{self.path} ({', '.join(names)})" if names else self.path

    def resolve(self) -> str:
        """The text with its variables. Raises ConfigError, with the variable's name, when one is not set."""
        filled = fill_text(self.raw, self.lookup)
        if isinstance(filled, UnsetVariable):
            if not filled.name:
                raise ConfigError(f"{self.path}: a ${{ that is no variable", at=self.at, hint=FORM_HINT)
            hint = f"set it in the environment or in .env: {filled.name}={self.example}"
            raise ConfigError(f"{self.path}: {filled.name} is not set", at=self.at, hint=hint)
        return str(filled)


@dataclass(frozen=True)
class Environment:
    """A named target: its database, the identities to reach it with, its roles.

    The URLs and passwords are filled in when they are asked for: a command that needs only the owner works without
    the import role's URL.
    """

    name: str
    kind: Literal["local", "production"]
    pooler: Literal["none", "session", "transaction"] | None  # between here and the server; None: detected
    protected: bool  # a person types the environment's name, or --yes NAME
    requires: Requires | None
    pin: DatabaseIdentityPin | None  # which database it is
    backup: Backup | None  # a dump before every run
    timeouts: Timeouts
    index: IndexRule
    space: Literal["refuse", "warn"]  # whether a file of another embedding space closes the gate
    rehearse_undo: bool  # before every run
    roles: Mapping[str, Role]  # a password whose variable is not set is None here: ask password()
    public: Grants | None  # what PUBLIC may do; None: not compared
    accept: tuple[Accept, ...]  # drift of PUBLIC that is known and intended
    import_role: str | None  # the role of `url` where an embedded URL names none
    at: Location
    project: str
    variables: Mapping[str, int | str]  # the project's, for templates and migrations
    settings: Mapping[Identity, Setting] = field(repr=False)  # url, admin_url, direct_url
    passwords: Mapping[str, Setting] = field(repr=False)  # of roles
    scratch: Setting | None = field(repr=False)  # scratch_url; None: the embedded server
    source: Source = field(repr=False)  # its file, variables not filled in

    @cached_property
    def url(self) -> Target:
        """Target of the import role. Raises ConfigError when it is not set or no URL."""
        return self.target("url")

    @cached_property
    def admin_url(self) -> Target:
        """Target of the owner, for setup, migrate and grants. Raises ConfigError when it is not set or no URL."""
        return self.target("admin_url")

    @cached_property
    def session_identity(self) -> Identity:
        """The owner's identity that reaches the server around a pooler: direct_url, or admin_url without one."""
        return "direct_url" if "direct_url" in self.settings else "admin_url"

    def target(self, identity: Identity) -> Target:
        """The target of one identity. Raises ConfigError with the variable to set and its format.

        An embedded ``url`` that names no role is the import role's: never the superuser's when there is another.
        """
        setting = self.settings.get(identity)
        if setting is None:
            name = f"{self.name}_ADMIN_DATABASE_URL".upper().replace("-", "_")
            hint = f"add the owner's URL: admin_url: ${{{name}}}, and set {name}={FORMAT}"
            raise ConfigError(f"environment {self.name} has no {identity}", at=self.at, hint=hint)
        target = parse_url(setting.resolve(), name=setting.name, at=setting.at)
        if identity == "url" and target.embedded and target.user is None and self.import_role:
            return replace(target, user=self.import_role)
        return target

    def password(self, role: str) -> str | None:
        """The declared password of a role, None without one. Raises ConfigError when its variable is not set."""
        setting = self.passwords.get(role)
        return (setting.resolve() or None) if setting else None

    def location(self, *keys: str | int) -> Location:
        """The location of the key at this path of the file, or of its nearest parent that the file has.

        ``location("roles", "minerva_api", "grants", "tables", "books")``
        """
        return self.source.key_at(keys)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the URLs that are set: parts read otherwise, passwords in the file, different databases."""
        warnings: list[str] = []
        targets: dict[Identity, Target] = {}
        for identity, setting in self.settings.items():
            try:
                target = self.target(identity)
            except ConfigError:
                continue
            targets[identity] = target
            warnings += [f"{setting.name}: {warning}" for warning in target.warnings]
            if target.secrets() and not variables_of(setting.raw):
                warnings.append(f"{setting.at}: {identity}: a password in the file; use a variable and .env")
        warnings += [
            f"{setting.at}: {setting.path}: a password in the file; use a variable and .env"
            for setting in self.passwords.values()
            if setting.raw and not variables_of(setting.raw)
        ]
        first = next(iter(targets), None)
        warnings += [
            f"{first} names database {targets[first].dbname}, {identity} {target.dbname}"
            for identity, target in targets.items()
            if first is not None and target.dbname != targets[first].dbname
        ]
        return tuple(warnings)
