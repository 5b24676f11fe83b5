"""The shapes of promote.yaml, environments/*.yaml and checks/*.yaml; strict, frozen, unknown keys refused."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from minerva_promote.errors import Location


class Model(BaseModel):
    """Base of every configuration value."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", populate_by_name=True)


class Roots(Model):
    """Which table holds the rows a promotion is about, and how many one file may carry."""

    table: str
    max: int = Field(default=1, ge=1)


class ColumnRule(Model):
    """What must hold for one column in every row of a file."""

    one_of: tuple[str, ...] = ()
    must_be: Literal["null"] | None = None
    required: bool = False  # NULL is refused
    dimensions: int | None = Field(default=None, ge=1, le=16000)  # length of a vector


class Contiguous(Model):
    """Numbers without a gap: ``from`` (default 1), one more each, for every value of ``per``."""

    per: str
    start: int = Field(default=1, alias="from")


class ConflictRule(Model):
    """Columns that a file's DO UPDATE SET may name; they are left out of the comparison."""

    may_update: tuple[str, ...] = ()


class TableRule(Model):
    """What an export may hold of one table."""

    key: tuple[str, ...] = Field(min_length=1)
    shared: bool = False  # belongs to no root
    required: bool = False  # a file has at least one row of it
    belongs_to: dict[str, str] = {}  # column -> root table, whose row must be in the file
    references: dict[str, str] = {}  # column (a key or an array of keys) -> table
    unique: tuple[tuple[str, ...], ...] = ()
    contiguous: dict[str, Contiguous] = {}
    columns: dict[str, ColumnRule] = {}
    given: tuple[str, ...] = ()  # columns that a file must name although the database has a default for them
    conflict: ConflictRule = ConflictRule()


class LocalPaths(Model):
    """Whether local file paths are refused, and the columns (table.column) where they are data."""

    forbid: bool = True
    except_: tuple[str, ...] = Field(default=(), alias="except")


class Repair(Model):
    """A known fault of old exporters and how ``--repair`` mends it, for one table."""

    table: str
    rename: dict[str, str] = {}  # column of the file -> column of the table
    vector_braces: tuple[str, ...] = ()  # '{1,2}' read as '[1,2]'
    default: dict[str, int | str] = {}  # missing column -> a constant, or the column it copies


class Limits(Model):
    """Bounds of an accepted file."""

    file_bytes: int = Field(default=64 << 30, ge=1)
    row_bytes: int = Field(default=64 << 20, ge=1024)  # one row, or one statement that is not an INSERT
    rows: int = Field(default=10_000_000, ge=1)
    findings: int = Field(default=100, ge=1)  # printed; the rest is counted
    validate_first: int = Field(default=64 << 20, ge=0)  # bytes; a bigger file is validated while its rows go in


class Contract(Model):
    """What an export may hold."""

    snapshot: str = "alembic/snapshot.yaml"  # columns of the tables, for validation without a connection
    roots: Roots
    tables: dict[str, TableRule] = Field(min_length=1)
    header_counts: dict[str, str] = {"Total Chunks": "chunks", "Total Screenshots": "screenshots"}
    local_paths: LocalPaths = LocalPaths()
    limits: Limits = Limits()
    repairs: tuple[Repair, ...] = ()


class ProjectFile(Model):
    """promote.yaml."""

    project: str
    variables: dict[str, int | str] = {}
    migrations: str = "alembic"  # the folder of the Alembic tree
    contract: Contract


class Grants(Model):
    """Privileges of one role, by kind of object; names are unquoted."""

    database: tuple[str, ...] = ()
    schemas: dict[str, tuple[str, ...]] = {}
    tables: dict[str, tuple[str, ...]] = {}  # "books" or "promote.runs"
    sequences: dict[str, tuple[str, ...]] = {}


class Role(Model):
    """A role that the environment needs, and exactly what it may do."""

    login: bool = False
    password: str | None = Field(default=None, repr=False)  # None: the role has none of its own
    settings: dict[str, str] = {}
    grants: Grants = Grants()


class Requires(Model):
    """What must have happened before this environment takes a file."""

    passed_in: str
    within: str | None = None  # "7d", "12h"


class Timeouts(Model):
    """Bounds of waiting, in PostgreSQL's spelling of a duration."""

    connect: int = 10  # seconds
    lock: str = "10s"
    statement: str = "10min"  # one statement of an import
    check: str = "60s"  # one statement of a check


class EnvironmentFile(Model):
    """environments/NAME.yaml, before its variables are filled in."""

    url: str = Field(repr=False)  # the import role
    admin_url: str | None = Field(default=None, repr=False)  # the owner
    kind: Literal["local", "production"] = "local"
    protected: bool = False
    requires: Requires | None = None
    import_role: str | None = None  # the role of `url` where an embedded URL names none; default: the first with login
    timeouts: Timeouts = Timeouts()
    roles: dict[str, Role] = {}


Stage = Literal["preflight", "before_commit", "after_commit", "monitor"]
Number = int | float


class FromFile(Model):
    """A threshold taken from the export file: rows.chunks, roots, size."""

    file: str


Operand = bool | int | float | str | FromFile


class Threshold(Model):
    """What a value is held against; every operator given must hold."""

    equals: Operand | None = None
    not_equals: Operand | None = None
    min: int | float | FromFile | None = None
    max: int | float | FromFile | None = None
    between: tuple[Number, Number] | None = None


class When(Model):
    """Where a check applies; elsewhere it is skipped with this reason."""

    kind: Literal["local", "production"] | None = None
    environments: tuple[str, ...] = ()


class CheckFile(Model):
    """One entry of checks/*.yaml."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    description: str = ""
    stage: Stage = "before_commit"
    probe: Literal["latency", "plan"] | None = None
    sql: str | None = None
    template: str | None = None
    params: dict[str, Any] = {}
    samples: int = Field(default=30, ge=1, le=10_000)
    when: When = When()
    timeout: str | None = None  # default: the environment's timeouts.check
    expect: Threshold | dict[str, Threshold] | None = None  # a dict names the values of a probe: p95_ms, index_used
    warn: Threshold | dict[str, Threshold] | None = None


class ChecksFile(Model):
    """checks/NAME.yaml."""

    checks: tuple[CheckFile, ...]


class Placed(BaseModel):
    """A check together with where it is declared."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    check: CheckFile
    at: Location
