"""Readers of types against the server: what they accept is stored bit for bit, and what it refuses they refuse."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg import sql

from minerva_promote.exportfile.types import arrays, datetimes, numbers, strings, vectors
from minerva_promote.exportfile.value_faults import ValueFault
from tests.servers import Database

Reader = Callable[[bytes], bytes]

NUMBERS = (
    "0", "-0", "1", "-1", "0.0", "-0.00", "1.10", "1.25", "1.255", "12345.6789", "1e3", "1.50e1", "1e-7", "1E+5", ".5",
    "5.", "00012.3400", "-.0", "99999999.99", "9999999999.99", "10000", "9999", "100000000", "0.0001", "0.00001",
    "123456789012345678901234567890.123456789", "NaN", "nan", "Infinity", "-Infinity", "inf", "-inf", "1e400", "1e-400",
    "3.4028234e38", "3.4028236e38", "3.5e38", "1.4e-45", "7e-46", "1e-46", "4.9e-324", "2e-324", "1.7976931348623157e308",
    "1.8e308", "16777217", "16777217.0000001", "16777216.9999999", "0.1", "1e-45", "340282356779733661637539395458142568447",
    "", " 1", "1 ", "+1", "1_000", "0x10", "1e", "e1", ".", "--1", "1.2.3", "abc", "1e99999", "1e-20000",
)  # fmt: skip
DATES = (
    "2026-01-31", "2024-02-29", "2023-02-29", "2026-02-30", "2026-13-01", "2026-00-10", "2026-01-00", "0001-01-01",
    "0000-01-01", "0044-03-15 BC", "4713-01-01 BC", "4714-11-24 BC", "4714-11-23 BC", "5874897-12-31", "5874898-01-01",
    "20000-01-01", "infinity", "-infinity", "now", "today", "1/2/2026", "Jan 1 2026", "", "2026-1-1", "1999-12-31",
    "1900-02-28", "1900-02-29", "2000-02-29",
)  # fmt: skip
MOMENTS = (
    "2026-01-31 12:34:56", "2026-01-31T12:34:56.789", "2026-01-31 12:34", "2026-01-31", "2026-01-31 12:34:56.123456",
    "2026-01-31 12:34:56.1234567", "2026-01-31 24:00:00", "2026-01-31 24:00:01", "2026-01-31 23:59:60", "2026-01-31 25:00:00",
    "2026-01-31 12:60:00", "2026-01-31 12:34:56+00", "2026-01-31 12:34:56+05:30", "2026-01-31 12:34:56-08",
    "2026-01-31 12:34:56Z", "1883-11-18 12:00:00-07:52:58", "2026-01-31 12:34:56+15:59", "2026-01-31 12:34:56+16",
    "2026-01-31 12:34:56+05:60", "0044-03-15 12:00:00 BC", "0044-03-15 12:00:00+00 BC", "294276-12-31 23:59:59.999999",
    "294277-01-01 00:00:00", "294276-12-31 23:59:59.999999+00", "4714-11-24 00:00:00 BC", "4714-11-23 23:59:59 BC",
    "4714-11-24 00:00:00+00 BC", "infinity", "-infinity", "now", "epoch", "2026-01-31 12:34:56.120", "2026-01-31 12:34:56.12",
    "2026-01-31 12:34:56 America/New_York", "",
)  # fmt: skip
TIMES = (
    "12:34:56", "12:34", "00:00:00", "24:00:00", "24:00:00.1", "23:59:59.999999", "12:34:56.1234567", "25:00:00", "12:60",
    "12:34:56+00", "12:34:56-07:30", "12:34:56+15:59:59", "now", "1 PM", "", "12:34:56.100", "23:59:60",
)  # fmt: skip
STRINGS = (
    "",
    "a",
    "ab",
    "abc",
    "ab ",
    "abc  ",
    "ä",
    "äb",
    "日本",
    "日本語",
    " a",
    "a b",
    "x" * 63,
    "x" * 64,
    "日" * 22,
)
BYTES = (
    r"\x", r"\xdeadbeef", r"\xDE", r"\xd", r"\xzz", r"\\", r"\000\377", r"a\\b", r"\400", r"\0", "plain", r"\x \x", "ä", "\\",
)  # fmt: skip
BITS = ("", "1", "101", "10101010", "101010101", "b101", "xF", "X0f", "2", "x", "0b1")
ADDRESSES = (
    "10.0.0.1", "10.0.0.1/24", "10.0.0.0/8", "::1", "2001:db8::/32", "2001:db8::1/64", "::ffff:1.2.3.4", "10.0.0.1/33",
    "10.0.0", "10/8", "fe80::1%eth0", "", "010.0.0.1", "10.0.0.1/255.0.0.0", "256.0.0.1", "10.0.0.1/0", "::/0",
)  # fmt: skip
MACS = ("08:00:2b:01:02:03", "08-00-2b-01-02-03", "08002b:010203", "08:00:2b:01:02", "", "08:00:2B:01:02:03")
HALVES = (
    "[1,2,3]", "[0.1,-0.5,1e-3]", "[65504,1,1]", "[65520,1,1]", "[65519.99,1,1]", "[1e-8,1,1]", "[0,0,0]", "[1,2]",
    "[1,2,3,4]", "[nan,1,2]", "[1, 2 ,3]", "[]", "[1,,2]", "{1,2,3}", "[1e400,1,1]", "[0.333333343,5.9604645e-8,2.9802322e-8]",
    "[2.98023224e-8,2.98023225e-8,1]", "[1.00048828125,1.00146484375,1]",
)  # fmt: skip
SPARSE = (
    "{1:1,3:2}/5", "{3:2,1:1}/5", "{}/5", "{1:0}/5", "{1:0,2:1}/5", "{0:1}/5", "{6:1}/5", "{1:1,1:2}/5", "{1:1}/4", "{1:1}/6",
    "{1:nan}/5", "{ 1 : 1.5 , 2 : -2 }/5", "{1:1}", "{1:1e-46}/5", "{5:0.1}/5", "{1:-0,2:1}/5", "{1:1,}/5",
)  # fmt: skip
ARRAYS = (
    "{}", "{1}", "{1,2}", "{1,NULL,3}", "{null}", '{"1"}', "{ 1 , 2 }", "{{1,2},{3,4}}", "{{1,2},{3}}", "{{1},{2}}", "{1,{2}}",
    "{{1},2}", "{1,}", "{,1}", "{", "}", "1", "", "{1}{2}", "{1} x", "[0:1]={1,2}", "{{}}", "{{},{}}", " {1} ", "{{{1}}}",
    '{"NULL"}', "{1 2}", "{{1,2},NULL}",
)  # fmt: skip
WORDS = (
    "{a,b}", '{a,"b c"}', '{"a\\"b"}', '{"a\\\\b"}', "{a\\,b}", '{""}', "{}", "{NULL,null,NuLL}", '{"NULL"}', "{a b}",
    "{ a b , c }", '{"a"b}', '{a"b"}', "{a\\ }", "{ä,日本}", '{"{x}"}', "{a{b}", '{"a,b",c}', "{'a'}", '{" a "}', "{a\\}",
)  # fmt: skip
CASES: tuple[tuple[str, Reader, tuple[str, ...]], ...] = (
    ("double precision", numbers.double, NUMBERS),
    ("real", numbers.single, NUMBERS),
    ("numeric", numbers.numeric(), NUMBERS),
    ("numeric(12,2)", numbers.numeric(12, 2), NUMBERS),
    ("numeric(5,0)", numbers.numeric(5, 0), NUMBERS),
    ("numeric(3,-2)", numbers.numeric(3, -2), (*NUMBERS, "100", "1200", "99900", "123", "100000")),
    ("numeric(2,4)", numbers.numeric(2, 4), (*NUMBERS, "0.0012", "0.01", "0.0099")),
    ("date", datetimes.date, DATES),
    ("time", datetimes.time(), TIMES),
    ("time(2)", datetimes.time(2), TIMES),
    ("timetz", datetimes.time_with_zone(), TIMES),
    ("timestamp", datetimes.timestamp(zone=False), (*MOMENTS, *DATES)),
    ("timestamp(3)", datetimes.timestamp(3, zone=False), MOMENTS),
    ("timestamptz", datetimes.timestamp(zone=True), (*MOMENTS, *DATES)),
    ("timestamptz(0)", datetimes.timestamp(0, zone=True), MOMENTS),
    ("char(2)", strings.character(2), STRINGS),
    ("bpchar", strings.blank_padded, STRINGS),
    ("name", strings.name, STRINGS),
    ("bytea", strings.bytea, BYTES),
    ("bit(8)", strings.bits(8, varying=False), BITS),
    ("bit varying", strings.bits(None, varying=True), BITS),
    ("bit varying(4)", strings.bits(4, varying=True), BITS),
    ("inet", strings.address(network=False), ADDRESSES),
    ("cidr", strings.address(network=True), ADDRESSES),
    ("macaddr", strings.mac_address, MACS),
    ("halfvec(3)", vectors.half_vector(3), HALVES),
    ("sparsevec(5)", vectors.sparse_vector(5), SPARSE),
    ("double precision[]", arrays.array(numbers.double, 701), ARRAYS),
    ("text[]", arrays.array(lambda text: text, 25), (*ARRAYS, *WORDS)),
    ("date[]", arrays.array(datetimes.date, 1082), ("{2026-01-31,NULL}", "{infinity}", '{"2026-01-31"}', "{x}")),
    ("numeric(4,1)[]", arrays.array(numbers.numeric(4, 1), 1700), ("{1.5,2}", "{1.55}", "{99999}")),
)
# Why a reader refuses what the server takes: it would round, cut off, or read by a clock or a session's settings; a
# spelling that PostgreSQL does not print; or a vector that no search by cosine distance finds.
STRICTER = frozenset(
    [
        "number",
        "number-rounded",
        "number-range",
        "date",
        "time",
        "time-rounded",
        "timestamp",
        "timestamp-zone",
        "timestamp-offset",
        "too-long-text",
        "bytea",
        "bits",
        "address",
        "vector-zero",
        "vector-range",
        "vector-component",
        "array",
    ]
)


@pytest.fixture
def vector_database(database: Database) -> Database:
    """A database with pgvector."""
    database.execute("create extension vector")
    return database


def stored(database: Database, type_name: str, texts: Iterable[str]) -> dict[str, bytes | str]:
    """What the server stores of each text, in its binary format; the SQLSTATE of what it refuses."""
    found: dict[str, bytes | str] = {}
    with database.connect(autocommit=True) as conn:
        conn.execute("set timezone = 'America/New_York'")
        conn.execute(f"create temp table t (c {type_name})")
        for text in texts:
            try:
                conn.execute("truncate t")
                conn.execute(f"insert into t values ({sql.quote(text)})")
                result: Any = conn.execute("select c from t", binary=True).pgresult
                value = result.get_value(0, 0)
                found[text] = b"" if value is None else value
            except psycopg.Error as error:
                found[text] = error.sqlstate or "?"
    return found


def read(reader: Reader, text: str) -> bytes | str:
    try:
        return reader(text.encode())
    except ValueFault as fault:
        return fault.code


@pytest.mark.parametrize(("type_name", "reader", "texts"), CASES, ids=[case[0] for case in CASES])
def test_as_the_server(vector_database: Database, type_name: str, reader: Reader, texts: tuple[str, ...]) -> None:
    wrong = []
    accepted = refused = 0
    for text, there in stored(vector_database, type_name, dict.fromkeys(texts)).items():
        here = read(reader, text)
        if isinstance(here, bytes):
            accepted += 1
            if here != there:
                wrong.append(f"{text!r}: {here!r}, the server {there!r}")
        else:
            refused += 1
            if isinstance(there, bytes) and here not in STRICTER:
                wrong.append(f"{text!r}: {here}, the server {there!r}")
    assert not wrong, "\n".join(wrong)
    assert accepted or type_name == "numeric(2,4)"
    assert refused or type_name == "bpchar"


def _random_numbers(seed: int) -> tuple[str, ...]:
    draw = random.Random(seed)
    numerals = [f"{draw.choice('-+' + ' ')}{draw.randrange(10 ** draw.randrange(1, 25))}".strip() for _ in range(60)]
    numerals += [f"{draw.uniform(-1, 1):.{draw.randrange(1, 25)}f}" for _ in range(60)]
    numerals += [f"{draw.uniform(-10, 10):.{draw.randrange(1, 18)}e}" for _ in range(60)]
    halfway = [struct.unpack(">f", draw.randbytes(4))[0] for _ in range(40)]
    for value in halfway:  # between two float32, where rounding twice shows
        if value == value and abs(value) < 1e38 and abs(value) > 1e-30:
            bits = struct.unpack(">I", struct.pack(">f", value))[0]
            beside = struct.unpack(">f", struct.pack(">I", bits + 1))[0]
            middle = (value + beside) / 2
            numerals += [
                f"{middle:.40g}",
                f"{middle:.40g}1" if "." in f"{middle:.40g}" and "e" not in f"{middle:.40g}" else "1",
            ]
    return tuple(numerals)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.soak), pytest.param(2, marks=pytest.mark.soak)])
@pytest.mark.parametrize("type_name", ["double precision", "real", "numeric", "numeric(20,6)"])
def test_random_numbers(vector_database: Database, type_name: str, seed: int) -> None:
    readers: dict[str, Reader] = {
        "double precision": numbers.double, "real": numbers.single, "numeric": numbers.numeric(),
        "numeric(20,6)": numbers.numeric(20, 6),
    }  # fmt: skip
    for text, there in stored(vector_database, type_name, _random_numbers(seed)).items():
        here = read(readers[type_name], text)
        assert here == there or (isinstance(here, str) and here in STRICTER), (text, here, there)


@pytest.mark.parametrize(
    ("type_name", "reader", "write", "texts"),
    [
        ("numeric", numbers.numeric(), numbers.numeric_text, NUMBERS),
        ("date", datetimes.date, datetimes.date_text, DATES),
        ("time", datetimes.time(), datetimes.time_text, TIMES),
        ("timestamp", datetimes.timestamp(zone=False), datetimes.timestamp_text, MOMENTS),
        ("timestamptz", datetimes.timestamp(zone=True), partial(datetimes.timestamp_text, zone=True), MOMENTS),
    ],
)
def test_texts(
    vector_database: Database, type_name: str, reader: Reader, write: Callable[[bytes], str], texts: tuple[str, ...]
) -> None:
    """What is shown is what the server prints in UTC."""
    with vector_database.connect() as conn:
        conn.execute("set timezone = 'UTC'")
        shown = 0
        for text in texts:
            if isinstance(wire := read(reader, text), bytes):
                query = f"select {sql.quote(text)}::{type_name}::text"
                assert conn.execute(query).fetchone() == (write(wire),)
                shown += 1
    assert shown > 3
