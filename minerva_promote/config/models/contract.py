"""The shapes of ``contract:`` in promote.yaml."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from minerva_promote.config.models.roles import STRICT


class _Model(BaseModel):
    model_config = STRICT


class Roots(_Model):
    """Which tables hold the rows a promotion is about, and how many one file may carry: ``table`` or ``tables``."""

    table: str | None = None  # the table of the roots
    tables: tuple[str, ...] = ()  # several tables of roots, each row a root of its own (version 2)
    max: int = Field(default=1, ge=1)  # roots that one file may carry, of all these tables together


class ColumnRule(_Model):
    """What must hold for one column in every row of a file."""

    one_of: tuple[str, ...] = ()  # the only values that are accepted
    must_be: Literal["null"] | None = None  # the column must be NULL in every row
    required: bool = False  # NULL is refused
    dimensions: int | None = Field(default=None, ge=1, le=16000)  # length of a vector
    text: str | None = None  # the column whose text the vector stands for


class Contiguous(_Model):
    """Numbers without a gap: ``from`` (default 1), one more each, for every value of ``per``."""

    per: str  # the column by whose values the numbers are counted
    start: int = Field(default=1, alias="from")  # the first number


class ConflictRule(_Model):
    """Columns that a file's DO UPDATE SET may name; they are left out of the comparison."""

    may_update: tuple[str, ...] = ()  # columns that DO UPDATE SET may name


class Reference(_Model):
    """Columns of a row that hold the key of a row of another table."""

    columns: tuple[str, ...] = Field(min_length=1)  # in the order of that table's key
    table: str  # the other table


class TableRule(_Model):
    """What an export may hold of one table."""

    key: tuple[str, ...] = Field(min_length=1)  # columns of the primary key
    schema_: str | None = Field(default=None, alias="schema", min_length=1)  # of the table; none: public (version 2)
    shared: bool = False  # belongs to no root; its rows may be in the target, where a file only names them
    # all rows of a root name the same row of this shared table, and the length of their vectors is its column
    # dimensions, if it has one (version 2; in version 1 every shared table is like this)
    one_per_root: bool | None = None
    required: bool = False  # a file has at least one row of it
    # column -> table of the roots, whose row must be in the file; in version 2 also a table that belongs to one, and
    # a list for keys of several columns
    belongs_to: dict[str, str] | tuple[Reference, ...] = {}
    # column (a key or an array of keys) -> table; in version 2 also a list, for keys of several columns
    references: dict[str, str] | tuple[Reference, ...] = {}
    unique: tuple[tuple[str, ...], ...] = ()  # further sets of columns whose values do not repeat
    contiguous: dict[str, Contiguous] = {}  # by the column that holds the numbers
    columns: dict[str, ColumnRule] = {}  # rules for single columns, by name
    given: tuple[str, ...] = ()  # columns that a file must name although the database has a default for them
    # columns that a file may leave out, so that NULL or the default stands in without a warning
    optional: tuple[str, ...] = ()
    conflict: ConflictRule = ConflictRule()  # what ON CONFLICT may do

    @property
    def owners(self) -> tuple[Reference, ...]:
        """What ``belongs_to`` names."""
        return _as_references(self.belongs_to)

    @property
    def named_rows(self) -> tuple[Reference, ...]:
        """What ``references`` names."""
        return _as_references(self.references)

    @property
    def parents(self) -> tuple[Reference, ...]:
        """What ``belongs_to`` and ``references`` name; of the same columns the second."""
        by_columns = {reference.columns: reference for reference in (*self.owners, *self.named_rows)}
        return tuple(by_columns.values())

    @property
    def reference_columns(self) -> tuple[str, ...]:
        """The columns that hold keys of other rows."""
        return tuple(dict.fromkeys(column for reference in self.parents for column in reference.columns))

    @property
    def one_row_per_root(self) -> bool:
        """Whether all rows of a root name the same row of this shared table."""
        return self.shared and self.one_per_root is not False


def _as_references(declared: dict[str, str] | tuple[Reference, ...]) -> tuple[Reference, ...]:
    if isinstance(declared, tuple):
        return declared
    return tuple(Reference(columns=(column,), table=table) for column, table in declared.items())


class LocalPaths(_Model):
    """Whether local file paths are refused, and the columns (table.column) where they are data."""

    forbid: bool = True  # refuse local file paths; version 2: false unless it is said
    except_: tuple[str, ...] = Field(default=(), alias="except")  # columns (table.column) in which a path is data


class Repair(_Model):
    """A known fault of old exporters and how ``--repair`` fixes it, for one table."""

    table: str  # the table whose rows it repairs
    rename: dict[str, str] = {}  # column of the file -> column of the table
    vector_braces: tuple[str, ...] = ()  # '{1,2}' read as '[1,2]'
    default: dict[str, int | str] = {}  # missing column -> a constant, or the column it copies


class Limits(_Model):
    """Bounds of an accepted file."""

    file_bytes: int = Field(default=64 << 30, ge=1)  # size of a file
    row_bytes: int = Field(default=64 << 20, ge=1024)  # one row, or one statement that is not an INSERT
    rows: int = Field(default=10_000_000, ge=1)  # rows of a file
    findings: int = Field(default=100, ge=1)  # printed; the rest is counted
    # rows that may wait for a row further down in the file, which they name (version 2: 10,000); 0: parents come first
    held_back: int = Field(default=0, ge=0)
    work: int = Field(default=100_000, ge=1)  # steps of parsing what is not a row, besides one for every 32 bytes
    validate_first: int = Field(default=64 << 20, ge=0)  # bytes; a bigger file is validated while its rows go in


class Embedding(_Model):
    """The embeddings that the files of a project carry."""

    # the model that made them; a run is refused where the last one that was not undone names another
    model: str = Field(min_length=1, max_length=300)


class Contract(_Model):
    """What an export may hold."""

    snapshot: str = "alembic/snapshot.yaml"  # columns of the tables, for validation without a connection
    roots: Roots | None = None  # what a promotion is about; version 2 may go without: a file is one unit
    tables: dict[str, TableRule] = Field(min_length=1)  # the tables of an export, parents first
    # comments of a file's header, and the table that each of them counts
    header_counts: dict[str, str] = {"Total Chunks": "chunks", "Total Screenshots": "screenshots"}
    local_paths: LocalPaths = LocalPaths()  # paths that mean nothing elsewhere
    limits: Limits = Limits()  # bounds of an accepted file
    embedding: Embedding | None = None  # the embeddings of its files
    repairs: tuple[Repair, ...] = ()  # known faults of older exporters

    @property
    def root_tables(self) -> tuple[str, ...]:
        """The tables of the roots: one, several, or none where a file is one unit."""
        if self.roots is None:
            return ()
        return self.roots.tables if self.roots.table is None else (self.roots.table,)

    def owners(self, table: str) -> tuple[Reference, ...]:
        """What decides which root a row belongs to, out of ``belongs_to``.

        The first alone where there is one table of roots; else all, of which the first that is not NULL counts.
        """
        owners = self.tables[table].owners
        return owners if len(self.root_tables) > 1 else owners[:1]

    def cycles(self) -> dict[str, frozenset[str]]:
        """By table, the tables that refer to it and that it refers to, directly or not, perhaps itself."""
        reached: dict[str, set[str]] = {}
        for table in self.tables:
            below, new = set[str](), {table}
            while new:
                new = {reference.table for name in new for reference in self.tables[name].parents} - below
                below |= new
            reached[table] = below
        groups = {
            table: frozenset(name for name in below if table in reached[name]) for table, below in reached.items()
        }
        return {table: group for table, group in groups.items() if group}

    def parents_first(self) -> tuple[str, ...]:
        """The tables, each after those it belongs to or references."""
        placed: dict[str, None] = {}

        def place(table: str, above: tuple[str, ...]) -> None:
            if table in placed or table in above:
                return
            for reference in self.tables[table].parents:
                place(reference.table, (*above, table))
            placed[table] = None

        for table in self.tables:
            place(table, ())
        return tuple(placed)
