"""The shapes of promote.yaml, environments/*.yaml and checks/*.yaml; strict, frozen, unknown keys refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from minerva_promote.config.models.contract import ColumnRule as ColumnRule
from minerva_promote.config.models.contract import ConflictRule as ConflictRule
from minerva_promote.config.models.contract import Contiguous as Contiguous
from minerva_promote.config.models.contract import Contract as Contract
from minerva_promote.config.models.contract import Limits as Limits
from minerva_promote.config.models.contract import LocalPaths as LocalPaths
from minerva_promote.config.models.contract import Repair as Repair
from minerva_promote.config.models.contract import Roots as Roots
from minerva_promote.config.models.contract import TableRule as TableRule
from minerva_promote.config.models.roles import STRICT
from minerva_promote.config.models.roles import Accept as Accept
from minerva_promote.config.models.roles import AllExcept as AllExcept
from minerva_promote.config.models.roles import DefaultPrivileges as DefaultPrivileges
from minerva_promote.config.models.roles import Grants as Grants
from minerva_promote.config.models.roles import Membership as Membership
from minerva_promote.config.models.roles import Role as Role
from minerva_promote.errors import Location


def no_migrations(value: Any) -> Any:
    """None for the spellings of "no migrations": none, false, an empty value."""
    return None if value is None or value is False or value == "" or value == "none" else value


class Model(BaseModel):
    """Base of every configuration value."""

    model_config = STRICT


class SearchFile(Model):
    """A search of an application: its query, in which $1 is the vector to search with."""

    sql: str | None = None  # the query
    file: str | None = None  # a file of the project that holds the query, instead of sql
    settings: dict[str, int | str] = {}  # "ivfflat.probes": 5, as the application sets them
    params: dict[str, Any] = {}  # "2": an example of $2


class AllowedDifference(Model):
    """A difference between the schemas of two environments that is known and wanted."""

    object: str  # "screenshots.file_path", "chunks.*", "index chunks.ix_new"
    aspects: tuple[str, ...] = ()  # of config/schema_aspects.py; none: everything about it
    environments: tuple[str, ...] = ()  # that have it, where the others do not
    kind: Literal["local", "production"] | None = None  # the same, for all environments of a kind
    why: str  # the reason, for reports
    owner: str | None = None  # who answers for it
    until: str | None = None  # the last day on which it is allowed: "2027-01-01"


class ProjectFile(Model):
    """promote.yaml."""

    project: str  # the project's name
    version: int = Field(default=1, ge=1, le=2)  # of the words of contract; 1 keeps the meaning of older files
    variables: dict[str, int | str] = {}  # values for ${NAME}; --var overrides one
    # the Alembic tree: its folder, or its alembic.ini or pyproject.toml; none: somebody else makes the tables
    migrations: Annotated[str | None, BeforeValidator(no_migrations)] = "alembic"
    extensions: dict[str, str] = {}  # that a target has, with the oldest version: {vector: "0.7"}
    contract: Contract  # what an export may hold
    searches: dict[str, SearchFile] = {}  # of applications, by name
    allowed_differences: tuple[AllowedDifference, ...] = ()  # differences between schemas that are wanted


class Requires(Model):
    """What must have happened before this environment takes a file."""

    passed_in: str  # the environment that must have passed the file
    within: str | None = None  # "7d", "12h"


class Timeouts(Model):
    """Bounds of waiting, in PostgreSQL's spelling of a duration."""

    connect: int = 10  # seconds
    lock: str = "10s"  # waiting for a lock
    statement: str = "10min"  # one statement of an import
    check: str = "60s"  # one statement of a check
    commit: str = "60s"  # COMMIT waiting for a synchronous standby; then it is cancelled, and is committed here only


class IndexRule(Model):
    """What a run does about vector indexes that its rows made stale."""

    rebuild: Literal["auto", "never"] = "never"  # auto: as `promote index --apply`, after the commit


class DatabaseIdentityPin(Model):
    """Which database an environment is, so that a URL that leads elsewhere is found out."""

    system_identifier: str | None = None  # of the server's data directory; its copies by replication share it
    database: str | None = None  # its name


class Backup(Model):
    """A dump of the whole database before every run."""

    folder: str  # of the machine that runs promote; relative to the project
    program: str | None = None  # of pg_dump; default: PATH, then beside the embedded server
    timeout: str = "1h"  # how long pg_dump may take
    keep: int | None = Field(default=None, ge=1)  # dumps of this environment, the new one included; default: all


def backup_disabled(value: Any) -> Any:
    """``backup: false``, as if it were not there."""
    return None if value is False or value == "off" else value


class EnvironmentFile(Model):
    """environments/NAME.yaml, before its variables are filled in."""

    url: str = Field(repr=False)  # the import role
    admin_url: str | None = Field(default=None, repr=False)  # the owner
    direct_url: str | None = Field(default=None, repr=False)  # the owner, around a connection pooler
    # a server on which `schema drift` runs the migrations, in a database of its own; default: the embedded one
    scratch_url: str | None = Field(default=None, repr=False)
    pooler: Literal["none", "session", "transaction"] | None = None  # what pools connections; default: detected
    kind: Literal["local", "production"] = "local"  # production adds the rules for production databases
    protected: bool = False  # changes need the typed name, or --yes NAME
    requires: Requires | None = None  # what must have happened before a run
    identity: DatabaseIdentityPin | None = None  # the database that the URLs must lead to
    backup: Annotated[Backup | None, BeforeValidator(backup_disabled)] = None  # a dump before every run
    import_role: str | None = None  # the role of `url` where an embedded URL names none; default: the first with login
    timeouts: Timeouts = Timeouts()  # how long to wait
    index: IndexRule = IndexRule()  # what a run does about vector indexes
    space: Literal["refuse", "warn"] = "refuse"  # of a file whose vectors seem to be of another model
    rehearse_undo: bool = False  # every run first inserts its rows, removes them and compares
    public: Grants | None = None  # what PUBLIC may do; None: not compared
    accept: tuple[Accept, ...] = ()  # drift of PUBLIC that is known and intended
    roles: dict[str, Role] = {}  # roles and their privileges, by name


Stage = Literal["preflight", "before_commit", "after_commit", "monitor"]
Number = int | float


class FromFile(Model):
    """A threshold taken from the export file: rows.chunks, roots, size."""

    file: str  # rows.TABLE, roots or size


Operand = bool | int | float | str | FromFile


class Threshold(Model):
    """What a value is held against; every operator given must hold."""

    equals: Operand | None = None  # exactly this value
    not_equals: Operand | None = None  # any value but this one
    min: int | float | FromFile | None = None  # at least
    max: int | float | FromFile | None = None  # at most
    between: tuple[Number, Number] | None = None  # from the first to the second


class When(Model):
    """Where a check applies; elsewhere it is skipped with this reason."""

    kind: Literal["local", "production"] | None = None  # only in environments of this kind
    environments: tuple[str, ...] = ()  # only in these environments


class CheckFile(Model):
    """One entry of checks/*.yaml."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")  # unique in the project
    description: str = ""  # what holds when it passes
    stage: Stage = "before_commit"  # when it runs
    # measure searches instead of asking for one number
    probe: Literal["latency", "recall", "plan", "golden"] | None = None
    sql: str | None = None  # one SELECT that returns one number
    template: str | None = None  # a file of templates/, instead of sql
    params: dict[str, Any] = {}  # values for the template
    samples: int = Field(default=30, ge=1, le=10_000)  # searches of a probe, the first and the warm-up left out
    warm_up: int = Field(default=1, ge=0, le=10_000)  # searches after the first that are not measured
    concurrency: int = Field(default=1, ge=1, le=64)  # sessions that search at the same time
    k: int = Field(default=10, ge=1, le=10_000)  # of recall@k
    search: dict[str, int | str] = {}  # settings of pgvector: "ivfflat.probes": 5
    vectors: Literal["table", "file", "list"] = "table"  # what a probe searches with; list: params.vectors
    golden: str = "golden/search.json"  # of a golden probe: the file of `promote golden record`
    when: When = When()  # where it applies
    timeout: str | None = None  # default: the environment's timeouts.check
    expect: Threshold | dict[str, Threshold] | None = None  # a dict names the values of a probe: p95_ms, index_usable
    warn: Threshold | dict[str, Threshold] | None = None  # as expect, but only a warning


class ChecksFile(Model):
    """checks/NAME.yaml."""

    checks: tuple[CheckFile, ...]


class LocatedCheck(BaseModel):
    """A check together with where it is declared."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    check: CheckFile
    at: Location
