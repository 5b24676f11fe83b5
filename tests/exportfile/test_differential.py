"""Placeholders against the full parser: what the reader understands of a statement is what PostgreSQL's parser does.

Both directions, over generated statements and over the same ones with a few bytes changed: what the reader accepts, the
parser reads to the same values; and what the parser reads as a plain INSERT, the reader accepts.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_left
from typing import Any

import postgast
import pytest
from google.protobuf.message import DecodeError

from minerva_promote.exportfile.decoder_builder import DecoderBuilder
from minerva_promote.exportfile.fragments import Fragment
from minerva_promote.exportfile.insert_model import Conflict, Insert, Refused, Slot
from minerva_promote.exportfile.reader import ExportReader
from minerva_promote.exportfile.row_decoder import ColumnLayout, Row, RowDecoder
from tests.exportfile.support import contract_of, written

Value = tuple[Any, ...]  # kind, text or number or elements, type of the cast
Statement = tuple[Any, ...]  # schema, table, columns, rows, conflict


class Raw(RowDecoder):
    """A row as it stands there, before it is bound to a table."""

    insert: Insert
    conflict: Conflict


class Understood(ExportReader):
    """What the reader makes of a file, before any contract."""

    def __init__(self, content: bytes) -> None:
        super().__init__(written(content), *contract_of())
        self.read: list[Statement] = []
        self._values: list[list[Value]] = []  # of the statement that is being read
        self._last: Raw | None = None
        self._builder.build = self._bind  # type: ignore[method-assign]
        self._builder.check_conflict = self._end  # type: ignore[method-assign]

    def _bind(self, insert: Insert, fragment: Fragment) -> RowDecoder:
        DecoderBuilder.require_all_used(insert, fragment.placeholder_offsets)
        plan = Raw(ColumnLayout("", ()), [])
        plan.insert = insert
        return plan

    def _row(self, unit: Fragment, plan: RowDecoder) -> Row | None:
        assert isinstance(plan, Raw)
        self._last = plan
        self._values.append([self._value(slot, unit) for slot in plan.insert.slots])
        if unit.pattern and unit.pattern[0].decoder is not None:  # a whole statement like one before
            self._said(plan)
        return None

    def _end(self, insert: Insert) -> None:
        if self._last is not None:  # else all its rows are refused
            self._last.conflict = insert.conflict
            self._said(self._last)

    def _said(self, plan: Raw) -> None:
        insert, conflict = plan.insert, plan.conflict
        found = (conflict.columns, conflict.constraint, conflict.sets)
        self.read.append((insert.schema, insert.table, insert.columns, self._values, found))
        self._values = []

    @staticmethod
    def _value(slot: Slot, unit: Fragment) -> Value:
        texts = [unit.texts[bisect_left(unit.placeholder_offsets, hole)] for hole in slot.placeholder_offsets]
        cast = None
        if slot.cast:
            if not set(slot.cast.typmods) <= set(unit.placeholder_offsets):
                raise Refused("cast", "", "")  # no number of the file: of interval
            lengths = tuple(int(unit.texts[unit.placeholder_offsets.index(hole)]) for hole in slot.cast.typmods)
            cast = (slot.cast.names, lengths, slot.cast.array)
        if slot.kind == "number":
            if unit.shape[slot.offset : slot.placeholder_offsets[0] + 9].split(b"1")[0].count(b"-") > 1:
                raise Refused("expression", "", "")
            return ("number", canonical("-" * slot.negative + texts[0].decode()), cast)
        if slot.kind == "array":
            return ("array", tuple(texts), cast)
        return (slot.kind, texts[0] if slot.kind == "string" else None, cast)


def canonical(number: str) -> str:
    return str(int(number)) if re.fullmatch("-?[0-9]+", number) else number


def understood(statement: bytes) -> list[Statement] | None:
    """What the reader makes of it; None when it is refused."""
    scan = Understood(b"BEGIN;" + statement + b"\nCOMMIT;")
    try:
        for _ in scan.rows():
            pass
    except Refused:  # two signs, which only binding sees
        return None
    return None if scan.findings.count else scan.read


PLAIN_TOKENS = {
    "ASCII_40", "ASCII_41", "ASCII_44", "ASCII_45", "ASCII_46", "ASCII_59", "ASCII_61", "ASCII_91", "ASCII_93", "TYPECAST",
    "SCONST", "USCONST", "ICONST", "FCONST", "IDENT", "SQL_COMMENT", "C_COMMENT",
}  # fmt: skip
NUMBER = re.compile(rb"[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?|\.[0-9]+([eE][+-]?[0-9]+)?")


def parsed(statement: bytes) -> list[Statement] | None:
    """What the full parser makes of it, when it is nothing but plain INSERTs as EXPORT_FORMAT has them; else None."""
    text = statement.decode()
    try:
        tokens = postgast.scan(text).tokens
        found = postgast.parse(without_line_comments(statement, tokens)).stmts
    except (postgast.PgQueryError, DecodeError):
        return None
    for token in tokens:
        raw = statement[token.start : token.end]
        if names(token.token) not in PLAIN_TOKENS and not token.keyword_kind:
            return None
        if names(token.token) in ("ICONST", "FCONST") and not NUMBER.fullmatch(raw):
            return None
        if b"\xef\xbb\xbf" in raw and names(token.token) not in ("SCONST", "USCONST"):
            return None
        national = raw.lower() == b"n" and statement[token.end : token.end + 1] == b"'"
        if (
            national
            or (raw[:1] in b"xXbB" and b"'" in raw)
            or raw[:3].upper() == b'U&"'
            or names(token.token) == "UESCAPE"
        ):
            return None
    if not is_ended(tokens):
        return None
    try:
        return [Full(statement, tokens).insert(one.stmt) for one in found]
    except NotPlain:
        return None


def names(token: int) -> str:
    known = postgast.pg_query_pb2.Token.DESCRIPTOR.values_by_number
    return known[token].name if token in known else chr(token)


def without_line_comments(statement: bytes, tokens: Any) -> str:
    """Blanks instead: libpg_query, other than the server, does not continue a string over them."""
    text = bytearray(statement)
    for token in tokens:
        if names(token.token) == "SQL_COMMENT":
            text[token.start : token.end] = b" " * (token.end - token.start)
    return text.decode()


def is_ended(tokens: Any) -> bool:
    """Whether only comments follow the last semicolon."""
    left = list(tokens)
    while left and names(left[-1].token) in ("SQL_COMMENT", "C_COMMENT"):
        left.pop()
    return not left or names(left[-1].token) == "ASCII_59"


class NotPlain(Exception):
    """Something that EXPORT_FORMAT does not have."""


class Full:
    """Reads a whole parse tree, and knows only what EXPORT_FORMAT lists."""

    def __init__(self, statement: bytes, tokens: Any) -> None:
        self.minus = [token.start for token in tokens if statement[token.start : token.end] == b"-"]
        self.digits = [token.start for token in tokens if statement[token.start : token.start + 1] in b"0123456789."]

    def need(self, condition: bool) -> None:
        if not condition:
            raise NotPlain

    def only(self, node: Any, *fields: str) -> None:
        self.need({field.name for field, _ in node.ListFields()} <= {*fields, "location"})

    def insert(self, statement: Any) -> Statement:
        self.need(statement.HasField("insert_stmt"))
        node = statement.insert_stmt
        self.only(node, "relation", "cols", "select_stmt", "on_conflict_clause", "override")
        self.need(node.override == 1)
        self.only(node.relation, "schemaname", "relname", "inh", "relpersistence")
        self.need(node.relation.inh and bool(node.cols))
        for column in node.cols:
            self.only(column.res_target, "name")
        select = node.select_stmt.select_stmt
        self.only(select, "values_lists", "limit_option", "op")
        self.need(select.op == 1 and select.limit_option == 1 and bool(select.values_lists))
        rows = [[self.value(value) for value in row.list.items] for row in select.values_lists]
        return (
            node.relation.schemaname,
            node.relation.relname,
            tuple(column.res_target.name for column in node.cols),
            rows,
            self.conflict(node),
        )

    def conflict(self, node: Any) -> tuple[Any, ...]:
        self.need(node.HasField("on_conflict_clause"))
        clause = node.on_conflict_clause
        self.only(clause, "action", "infer", "target_list")
        self.only(clause.infer, "index_elems", "conname")
        columns = []
        for item in clause.infer.index_elems:
            self.only(item.index_elem, "name", "ordering", "nulls_ordering")
            self.need(item.index_elem.ordering == 1 and item.index_elem.nulls_ordering == 1)
            columns.append(item.index_elem.name)
        sets = []
        for item in clause.target_list:
            self.only(item.res_target, "name", "val")
            self.need(item.res_target.val.HasField("column_ref"))
            fields = [field.string.sval for field in item.res_target.val.column_ref.fields]
            self.need(fields == ["excluded", item.res_target.name])
            sets.append(item.res_target.name)
        return tuple(columns), clause.infer.conname, tuple(sets)

    def value(self, node: Any) -> Value:
        cast = None
        if node.HasField("type_cast"):
            cast = self.type_name(node.type_cast.type_name)
            node = node.type_cast.arg
            if node.HasField("a_array_expr"):
                elements = []
                for element in node.a_array_expr.elements:
                    self.need(element.HasField("a_const") and element.a_const.WhichOneof("val") == "sval")
                    elements.append(element.a_const.sval.sval.encode())
                self.need(cast[2])
                return ("array", tuple(elements), cast)
        self.need(node.HasField("a_const"))
        const = node.a_const
        if const.isnull:
            return ("null", None, cast)
        kind = const.WhichOneof("val")
        if kind == "boolval":
            return ("true" if const.boolval.boolval else "false", None, cast)
        if kind == "sval":
            return ("string", const.sval.sval.encode(), cast)
        self.need(kind in ("ival", "fval"))
        digits = self.digits[bisect_left(self.digits, const.location)]
        self.need(sum(const.location <= place < digits for place in self.minus) <= 1)
        return ("number", canonical(str(const.ival.ival) if kind == "ival" else const.fval.fval), cast)

    def type_name(self, node: Any) -> tuple[tuple[str, ...], tuple[int, ...], bool]:
        self.only(node, "names", "typmods", "typemod", "array_bounds")
        bounds = [item.integer.ival for item in node.array_bounds]
        self.need(bounds in ([], [-1]))
        for item in node.typmods:
            self.need(
                item.HasField("a_const") and item.a_const.WhichOneof("val") == "ival" and item.a_const.ival.ival >= 0
            )
            self.need(item.a_const.location in self.digits)
        names = tuple(item.string.sval for item in node.names)
        return names, tuple(item.a_const.ival.ival for item in node.typmods), bool(bounds)


class Made:
    """Random statements, mostly right."""

    CONTENT = [
        "'", '"', "\\", "$", "$$", "--", "/*", "*/", ";", ":x", "\n", "\r", "\t", "\f", "\u00e9", "\U0001f600", "x", "1", " ",
        "E'", "COMMIT;", "), (", "$a$", "{", "%s", "\ufeff", "\u2028", "\x01", "\v", "\\'", "\\\\", "u0041", "''", "', '",
    ]  # fmt: skip
    BLANKS = [
        " ",
        " ",
        " ",
        " ",
        "\n",
        "\t",
        "\f",
        "\r",
        "  ",
        "/**/",
        "/* ' */",
        "/* /* x */ $$ */",
        "-- '\n",
        "--x\r",
        " --\n ",
    ]

    def __init__(self, seed: int, over_comments: bool = False) -> None:
        self.at = random.Random(seed)
        self.over_comments = over_comments  # strings go on behind them: the server knows, libpg_query does not

    def maybe(self, chance: float) -> bool:
        return self.at.random() < chance

    def blank(self, needed: bool = False) -> str:
        if not needed and self.maybe(0.6):
            return ""
        return "".join(self.at.choices(self.BLANKS, k=1 if self.maybe(0.8) else 3))

    def content(self) -> str:
        return "".join(self.at.choices(self.CONTENT, k=self.at.choice([0, 1, 2, 3, 6])))

    def string(self) -> str:
        kind = self.at.choice("pppeud")
        if kind == "d":
            text, tag = self.content(), self.at.choice(["$$", "$a$", "$\u00e9_1$", "$A$", "$_$"])
            return tag + text.replace("$", "") + tag if self.maybe(0.8) else tag + text + tag
        piece = {"p": self.plain, "e": self.escaped, "u": self.unicode}[kind]
        prefix = {"p": [""], "e": ["E", "e"], "u": ["U&", "u&"]}[kind]
        text = f"{self.at.choice(prefix)}'{piece()}'"
        while self.maybe(0.15):
            gaps = ["\n", " \n", "\r\n", "\n\n\t", " ", "/**/\n", "", "\f\n "]
            gap = self.at.choice([*gaps, " -- c\n", "\n-- '\n"] if self.over_comments else gaps)
            text += f"{gap}'{piece()}'"
        return text

    def plain(self) -> str:
        return self.content().replace("'", "''")

    def escaped(self) -> str:
        text = (
            self.content()
            .replace("\\", "\\\\")
            .replace("'", self.at.choice(["''", "\\'", "\\047", "\\x27", "\\u0027"]))
        )
        extra = [
            "\\n",
            "\\t",
            "\\101",
            "\\7",
            "\\x4",
            "\\xe9" if self.maybe(0.2) else "\\x41",
            "\\u00e9",
            "\\U0001F600",
            "\\q",
        ]
        extra += ["\\uD83D\\uDE00", "\\\n", "\\uD83D" if self.maybe(0.2) else "", "\\U0000D83D\\uDE00"]
        return text + "".join(self.at.choices(extra, k=self.at.choice([0, 0, 1, 2])))

    def unicode(self) -> str:
        text = self.content().replace("\\", "\\\\").replace("'", "''")
        extra = [
            "\\0041",
            "\\+01F600",
            "\\D83D\\DE00",
            "\\+00D83D\\DE00",
            "\\00e9",
            "\\D83D" if self.maybe(0.2) else "\\\\",
        ]
        return text + "".join(self.at.choices(extra, k=self.at.choice([0, 0, 1, 2])))

    def number(self) -> str:
        sign = self.at.choice(
            ["", "", "-", "- ", "-/**/", "- -" if self.maybe(0.2) else "", "+" if self.maybe(0.1) else ""]
        )
        digits = [
            "0",
            "1",
            "42",
            "007",
            "2147483647",
            "2147483648",
            "9" * 30,
            "1.5",
            ".5",
            "5.",
            "1e5",
            "1.E-3",
            "1E+2",
            "0x1F",
            "1_0",
        ]
        return sign + self.at.choices(digits, weights=[4] * 13 + [1, 1])[0]

    def type_name(self) -> str:
        return self.at.choice([
            "text", "varchar", "varchar(255)", "character varying", "integer", "int", "uuid", "public.vector", "vector(3)",
            "pg_catalog.int4", '"vector"', "timestamp", "timestamp without time zone", "json", "source_type", "uuid[]", "TEXT",
            "vector (/**/ 3\n)", "uuid ARRAY", "double precision", "t$1", "\u00e9", "varchar(0x10)", "vector(3,3)", "uuid[3]",
        ])  # fmt: skip

    def value(self) -> str:
        made = self.at.choices([self.string, self.number, self.word, self.array, self.odd], [6, 2, 1, 1, 0.5])[0]()
        if self.maybe(0.15):
            made = self.at.choice([f"({made})", f"( {made}{self.blank()})", f"(({made}))"])
        how = self.at.random()
        if how < 0.12:
            return f"{made}{self.blank()}::{self.blank()}{self.type_name()}"
        if how < 0.2:
            return f"CAST{self.blank()}({self.blank()}{made} AS {self.type_name()}{self.blank()})"
        if how < 0.25:
            return f"{self.type_name()} {self.string()}"
        if how < 0.27:
            return f"{made}::{self.type_name()}::{self.type_name()}"
        return made

    def word(self) -> str:
        return self.at.choice(["NULL", "null", "TRUE", "False", "true"])

    def array(self) -> str:
        elements = f",{self.blank()}".join(self.string() for _ in range(self.at.choice([0, 1, 2])))
        return f"ARRAY{self.blank()}[{self.blank()}{elements}{self.blank()}]::uuid{self.blank()}[]"

    def odd(self) -> str:
        return self.at.choice([
            "'a'", "''", "1", "now()", "DEFAULT", "x", "$1", "N'a'", "B'1'", "x'1F'", "e", "E", "u&", "a$1", "'a' || 'b'", "ROW(1)",
            "(1, 2)", "U&'a' UESCAPE '!'", "'a' COLLATE x", "1 1", "'a' 'b'", "''''", "$$$$", "$a$$a$", "1a", "a1", "CURRENT_USER",
            "-'1'", "1.5.5", "1..2", "interval '1' day", "NULL", "-NULL", "'a'\n$$b$$", "'a'\nE'b'", "E'a'\nE'b'", "$$a$$\n'b'",
        ])  # fmt: skip

    def name(self, plain: str) -> str:
        return self.at.choice([plain, plain, plain.upper(), f'"{plain}"', plain.title(), f'"{plain.title()}"'])

    def insert(self) -> str:
        columns = self.at.sample(
            ["id", "title", "author", "chunk_text", "a$1", "x1", "values", "\u00e9t\u00e9"], self.at.randint(1, 3)
        )
        table = self.name(self.at.choice(["books", "chunks"]))
        if self.maybe(0.2):
            table = f"{self.name('public')}{self.blank()}.{self.blank()}{table}"
        if self.maybe(0.02):
            table += " AS b"
        rows = [self.row(len(columns) if self.maybe(0.97) else 1) for _ in range(self.at.choice([1, 1, 1, 2, 4]))]
        names = f",{self.blank()}".join(self.name(column) for column in columns)
        joined = f"{self.blank()},{self.blank()}".join(rows)
        return (
            f"{self.blank()}{self.name('insert')[:6].strip(chr(34))}{self.blank(True)}into{self.blank(True)}{table}{self.blank()}({self.blank()}{names}"
            f"{self.blank()}){self.blank()}VALUES{self.blank()}{joined}{self.blank(True)}{self.conflict()}{self.blank()};"
        )

    def row(self, count: int) -> str:
        return (
            f"({self.blank()}"
            + f"{self.blank()},{self.blank()}".join(self.value() for _ in range(count))
            + f"{self.blank()})"
        )

    def conflict(self) -> str:
        return self.at.choice([
            "ON CONFLICT (id) DO NOTHING", "on conflict(\"id\")do nothing", "ON CONFLICT (id, x1) DO NOTHING",
            "ON CONFLICT ON CONSTRAINT books_pkey DO NOTHING", "ON/**/CONFLICT (id) DO UPDATE SET title = EXCLUDED.title",
            "ON CONFLICT (id) DO UPDATE SET title=excluded . title , x1 = Excluded.x1", "ON CONFLICT DO NOTHING",
        ] + (["", "ON CONFLICT (id) DO NOTHING RETURNING id", "ORDER BY 1 ON CONFLICT (id) DO NOTHING"] if self.maybe(0.1) else []))  # fmt: skip

    def mutant(self, text: str) -> str:
        for _ in range(self.at.choice([1, 1, 2, 3])):
            place, width = self.at.randrange(len(text) + 1), self.at.choice([0, 1, 1, 2, 5])
            extra = self.at.choice(
                [
                    "",
                    "",
                    "'",
                    '"',
                    "$",
                    "$$",
                    "\\",
                    "-",
                    "--",
                    "/*",
                    "*/",
                    ",",
                    "(",
                    ")",
                    ";",
                    " ",
                    "\n",
                    "E",
                    "1",
                    ".",
                    ":",
                    "e",
                    "U&",
                    "[",
                    "]",
                    text[place : place + 8],
                ]
            )
            text = text[:place] + extra + text[place + width :]
        return text


def compare(content: str) -> bool:
    """Whether both accept it; fails where they differ."""
    ours, full = understood(content.encode()), parsed(content.encode())
    assert ours == full, content
    return ours is not None


def campaign(seed: int, count: int) -> tuple[int, int]:
    """How many were accepted: as made, and with a few bytes changed."""
    made = Made(seed)
    accepted = mutants = 0
    for _ in range(count):
        text = made.insert()
        while made.maybe(0.2):
            text += made.at.choice(["", "\n", ";"]) + made.insert()
        accepted += compare(text)
        mutants += compare(made.mutant(text))
    return accepted, mutants


@pytest.mark.parametrize("seed", [*range(2), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 6))])
def test_generated_statements(seed: int) -> None:
    accepted, mutants = campaign(seed, 110)
    assert accepted > 15
    assert accepted + mutants > 17


def test_a_conflict_without_target_keeps_its_columns() -> None:
    insert = "INSERT INTO books (id, title) VALUES ('1', 't') ON CONFLICT"
    for action in ("DO NOTHING", "DO UPDATE SET title = EXCLUDED.title", "(id) DO UPDATE SET title = EXCLUDED.title"):
        assert compare(f"{insert} {action};"), action


def test_a_byte_order_mark_in_a_name() -> None:
    for name, accepted in (('"books"', True), ('"boo\ufeffks"', False), ('"books"\ufeff', False)):
        assert compare(f"INSERT INTO {name} (id) VALUES ('1') ON CONFLICT DO NOTHING;") == accepted, name


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1100))
def test_many_generated_statements(seed: int) -> None:
    campaign(seed, 2000)
