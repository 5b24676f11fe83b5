"""The aspects of each kind of schema object that are recorded, compared and allowed to differ.

An aspect that has its default is left out, in a snapshot file as in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from minerva_promote.config.models.project import Model

Texts = tuple[str, ...]
Fact = bool | str | Texts
EXISTS = "exists"  # the aspect of an object that only one side has
NAME = "name"  # the aspect of a constraint or index that is the same but for its name


class Facts(Model):
    """The aspects of one object."""


class ExtensionFacts(Facts):
    """An extension."""

    version: str
    in_schema: str = "public"
    types: Texts = ()  # that it brings; not compared


class TypeFacts(Facts):
    """An enum, a domain, a composite type or a range."""

    type: str  # "enum", "domain", "composite", "range"
    labels: Texts = ()  # of an enum, in order
    base: str = ""  # of a domain, of a range
    not_null: bool = False
    default: str = ""
    collation: str = ""
    checks: Texts = ()
    attributes: Texts = ()  # "a integer"
    options: Texts = ()  # of a range: "subtype_diff = float8mi"


class CollationFacts(Facts):
    """A collation."""

    options: Texts = ()  # "locale = 'de'"


class TableFacts(Facts):
    """A table itself."""

    type: str = "ordinary"  # "partitioned", "foreign"
    unlogged: bool = False
    method: str = ""  # other than heap
    options: Texts = ()  # "fillfactor=70", "toast.autovacuum_enabled=false"
    row_security: str = ""  # "on", "forced", "off, forced"
    replica_identity: str = ""  # other than the primary key: "full", "nothing", "index books_title_key"
    partition_by: str = ""  # "RANGE (day)"
    bounds: str = ""  # "FOR VALUES FROM (1) TO (10)"
    inherits: Texts = ()  # also the table that this is a partition of
    of_type: str = ""
    server: str = ""


class ColumnFacts(Facts):
    """A column."""

    type: str  # as format_type() prints it: "uuid", "character varying(255)", "vector(1536)", "uuid[]"
    not_null: bool = False
    not_null_valid: bool = True
    default: str = ""
    identity: str = ""  # "always", "by default"
    generated: str = ""  # the expression
    virtual: bool = False  # generated when it is read
    collation: str = ""
    storage: str = ""
    compression: str = ""


class KeyFacts(Facts):
    """A primary key or unique constraint."""

    columns: Texts
    include: Texts = ()
    nulls_not_distinct: bool = False
    without_overlaps: bool = False
    deferrable: str = ""  # "deferrable", "initially deferred"
    valid: bool = True
    options: Texts = ()


class ForeignKeyFacts(Facts):
    """A foreign key."""

    columns: Texts
    references: str  # the table
    referenced: Texts  # its columns
    on_delete: str = "no action"
    set_columns: Texts = ()  # of SET NULL (columns)
    on_update: str = "no action"
    match: str = "simple"
    period: bool = False
    deferrable: str = ""
    valid: bool = True
    enforced: bool = True
    disabled: bool = False  # its triggers are switched off


class CheckFacts(Facts):
    """A check constraint."""

    expression: str
    columns: Texts = ()
    no_inherit: bool = False
    valid: bool = True
    enforced: bool = True


class ExclusionFacts(Facts):
    """An exclusion constraint."""

    definition: str  # options included
    deferrable: str = ""
    valid: bool = True


class IndexFacts(Facts):
    """An index that belongs to no constraint."""

    columns: Texts = Field(min_length=1)  # or expressions, with collation, operator class and order
    method: str = "btree"
    unique: bool = False
    include: Texts = ()
    nulls_not_distinct: bool = False
    where: str = ""
    options: Texts = ()  # "lists=100"
    valid: bool = True
    clustered: bool = False
    applied: bool = False  # its method and options are those that promote index --apply chose


class SequenceFacts(Facts):
    """A sequence; one that belongs to a column goes by the column's name."""

    type: str = "bigint"
    start: str = "1"
    increment: str = "1"
    minimum: str = ""  # other than 1, or the lowest number of the type for one that counts down
    maximum: str = ""
    cache: str = "1"
    cycle: bool = False
    unlogged: bool = False
    owned_by: str = ""  # a column of a table of another schema


class ViewFacts(Facts):
    """A view or a materialized view."""

    definition: str
    options: Texts = ()
    method: str = ""


class FunctionFacts(Facts):
    """A function, procedure or aggregate."""

    type: str = "function"
    arguments: str = ""  # with names, modes and defaults
    returns: str = ""
    language: str = "sql"
    volatility: str = "volatile"
    security: str = "invoker"
    strict: bool = False
    leakproof: bool = False
    parallel: str = "unsafe"
    cost: str = ""
    rows: str = ""
    settings: Texts = ()
    body: str = ""


class TriggerFacts(Facts):
    """A trigger, rule or event trigger."""

    definition: str
    enabled: str = "origin"  # "disabled", "replica", "always"
    function: str = ""  # that a trigger calls; not compared, as the definition names it


class PlainFacts(Facts):
    """An object that is compared by its CREATE statement."""

    definition: str


class NoFacts(Facts):
    """An object without aspects: it exists or not."""


class RevisionFacts(Facts):
    """The migration revisions that the database is at."""

    at: Texts = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object."""

    name: str
    facts: type[Facts]
    of_table: str = ""  # the key in a table's entry of a snapshot file that holds these objects
    expressions: frozenset[str] = frozenset()  # aspects that are SQL: compared by what they mean
    identified_by: tuple[str, ...] = ()  # aspects that make two objects of different names the same one
    not_compared: frozenset[str] = frozenset()

    def default(self, aspect: str) -> Any:
        """The value of an aspect that is not recorded."""
        default = self.facts.model_fields[aspect].get_default()
        return default if isinstance(default, bool | str | tuple) else ""


def _sql(*aspects: str) -> frozenset[str]:
    return frozenset(aspects)


_ALL = (
    Kind("revision", RevisionFacts),
    Kind("extension", ExtensionFacts, not_compared=frozenset({"types"})),
    Kind("schema", NoFacts),
    Kind("collation", CollationFacts),
    Kind("type", TypeFacts, expressions=_sql("default", "checks")),
    Kind("table", TableFacts, expressions=_sql("partition_by", "bounds")),
    Kind("column", ColumnFacts, "columns", _sql("default", "generated")),
    Kind("primary key", KeyFacts, "primary_key"),
    Kind("unique", KeyFacts, "unique", identified_by=("columns",)),
    Kind("foreign key", ForeignKeyFacts, "foreign_keys", identified_by=("columns", "references")),
    Kind("check", CheckFacts, "checks", _sql("expression"), ("expression",), frozenset({"columns"})),
    Kind("exclusion", ExclusionFacts, "exclusions", _sql("definition"), ("definition",)),
    Kind("index", IndexFacts, "indexes", _sql("columns", "where"), ("columns", "method", "where"), _sql("applied")),
    Kind("sequence", SequenceFacts, "sequences"),
    Kind("view", ViewFacts, expressions=_sql("definition")),
    Kind("materialized view", ViewFacts, expressions=_sql("definition")),
    Kind("function", FunctionFacts, expressions=_sql("arguments")),
    Kind("trigger", TriggerFacts, "triggers", _sql("definition"), not_compared=frozenset({"function"})),
    Kind("rule", TriggerFacts, "rules", _sql("definition"), not_compared=frozenset({"function"})),
    Kind("policy", PlainFacts, "policies", _sql("definition")),
    Kind("statistics", PlainFacts, "statistics", _sql("definition")),
    Kind("event trigger", TriggerFacts, not_compared=frozenset({"function"})),
)
KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
RENAMED = (
    "primary key",
    "unique",
    "foreign key",
    "check",
    "exclusion",
    "index",
)  # PostgreSQL may generate the name
ON_COLUMNS = ("primary key", "unique", "foreign key", "check", "index")  # kinds that `aspects:` of a column may name
ASPECTS: frozenset[str] = frozenset(
    {EXISTS, NAME, *(kind.name.replace(" ", "_") for kind in _ALL if kind.name in ON_COLUMNS)}
    | {aspect for kind in _ALL for aspect in kind.facts.model_fields if aspect not in kind.not_compared}
)


def aspect_text(aspect: str) -> str:
    """An aspect in a report: "not null"."""
    return aspect.replace("_", " ")


def value_text(value: Fact) -> str:
    """The value of an aspect in a report, on one line: "yes", "none", "id, kind"."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        value = ", ".join(value)
    return " ".join(value.split()) or "none"
