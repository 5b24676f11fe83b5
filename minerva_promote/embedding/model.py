"""What is known of the embedding space of a vector column, in a file or in a target.

Vectors of equal length need not come from the same model: those of another model fit the column and ruin every
search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from minerva_promote.config.models.project import Contract
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.embedding.wire_vectors import KINDS

TEXTS = ("text", "character varying")
NUMBERS = ("smallint", "integer", "bigint")
MIN_BITS = 64  # of a column of bits that is taken for a vector though no text is declared for it; others are flags
NULL = "NULL"  # how a value that is none is shown


@dataclass(frozen=True, slots=True)
class Space:
    """A vector column, and the columns that say what its vectors are of."""

    table: str
    column: str
    key: tuple[str, ...]
    text: str | None  # the column whose text the vector stands for
    root: str | None  # the column that names the root
    config: str | None  # the column that names the embedding config
    config_table: str | None
    config_key: str | None
    identity: tuple[str, ...]  # columns of the config that tell one model from another: name, version, dimensions
    active: str | None  # its flag
    kind: str = "vector"  # of the column: vector, halfvec, sparsevec or bit
    key_types: tuple[str, ...] = ()  # of ``key``


@dataclass(frozen=True, slots=True)
class ConfigRow:
    """One embedding config."""

    key: str
    identity: tuple[str, ...]  # values of ``Space.identity``
    active: bool | None


class Text(NamedTuple):
    """What is kept of a text: two with the same are taken for equal."""

    size: int  # bytes
    sha256: bytes


@dataclass(frozen=True, slots=True)
class SpaceSample:
    """What is kept of one vector column of a file or of a target."""

    space: Space
    rows: int  # with a vector; of a target the planner's estimate
    vectors: tuple[bytes, ...]  # wire form, drawn at random
    texts: tuple[Text | None, ...]  # the text of each vector; None: not known
    roots: tuple[str, ...]  # the root of each vector
    used: frozenset[str]  # keys of the configs that vectors name
    configs: tuple[ConfigRow, ...]


def spaces_of(contract: Contract, snapshot: Snapshot) -> tuple[Space, ...]:
    """The vector columns of a contract: vector, halfvec, sparsevec, and bit that stands for a text or is long.

    The embedding config is the shared row with a column ``dimensions`` that the vector's row references; its text and
    number columns are its identity, and ``is_active`` its flag.
    """
    spaces = []
    for table, rule in contract.tables.items():
        columns = snapshot.tables[table].columns if table in snapshot.tables else {}
        for column, info in columns.items():
            column_rule = rule.columns.get(column)
            text = column_rule.text if column_rule else None
            kind, _, modifier = info.value_type.partition("(")
            if kind not in KINDS or (kind == "bit" and not text and int(modifier.rstrip(")") or 1) < MIN_BITS):
                continue
            config_column, parent = next(
                (
                    (reference.columns[0], reference.table)
                    for reference in rule.named_rows
                    if contract.tables[reference.table].shared
                    and len(reference.columns) == 1
                    and "dimensions" in snapshot.tables[reference.table].columns
                ),
                (None, None),
            )
            key = contract.tables[parent].key[0] if parent else None
            config_columns = snapshot.tables[parent].columns if parent else {}
            identity = tuple(name for name, info in config_columns.items() if name != key and _is_plain(info.type))
            owners = [owner for owner in contract.owners(table) if owner.table in contract.root_tables]
            one_table = len(contract.root_tables) == 1  # keys of several tables may be equal
            root = owners[0].columns[0] if owners and one_table and len(owners[0].columns) == 1 else None
            key_types = tuple(columns[name].value_type for name in rule.key)
            active = "is_active" if "is_active" in config_columns else None
            spaces.append(
                Space(
                    table, column, rule.key, text, root, config_column, parent, key, identity, active, kind, key_types
                )
            )
    return tuple(spaces)


def _is_plain(type_name: str) -> bool:
    return type_name.partition("(")[0] in (*TEXTS, *NUMBERS)
