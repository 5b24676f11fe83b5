"""Constants become what the server would make of them, bit for bit; strings of all four kinds, and every column type."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from minerva_promote.config.models.project import ColumnRule
from minerva_promote.config.snapshot import Column
from minerva_promote.exportfile.value_display import display
from minerva_promote.exportfile.value_faults import ValueFault
from minerva_promote.exportfile.wire_values import column_type, uuid_array_elements
from tests.exportfile.support import Asked, read, with_value
from tests.exportfile.test_differential import Made, understood

Convert = Callable[[bytes], bytes]


def decoded(literal: str) -> bytes | None:
    """What the reader makes of a string constant; None when it refuses it."""
    found = understood(f"INSERT INTO books (id) VALUES ({literal}) ON CONFLICT (id) DO NOTHING;".encode())
    if found is None:
        return None
    ((kind, text, cast),) = found[0][3][0]
    assert (kind, cast) == ("string", None)
    assert isinstance(text, bytes)
    return text


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 4))])
def test_strings_are_decoded_as_the_server_decodes_them(seed: int, asked: Asked) -> None:
    made, accepted = Made(seed, over_comments=True), 0
    for _ in range(250):
        literal = made.string()
        if "\x00" in literal or "UESCAPE" in literal:
            continue
        ours = decoded(literal)
        assert ours == asked.text_of(literal), literal
        accepted += ours is not None
    assert accepted > 150


STRINGS = {
    "''": "", "''''": "'", "'a''b'": "a'b", "'\\'": "\\", "'a'\n'b'": "ab", "'a' -- '\n  -- x\r\t'b'": "ab", "'a'\r'b'": "ab",
    "'a'\n\n\f'b'\n'c'": "abc", "E'\\n\\t\\b\\f\\r'": "\n\t\b\f\r", "E'\\\\'": "\\", "E'\\'\\''": "''", "E'a''b'": "a'b", "e'\\x41\\x4g'": "A\x04g",
    "E'\\101\\7\\18'": "A\x07\x018", "E'\\u00e9\\U0001F600'": "\u00e9\U0001f600", "E'\\uD83D\\uDE00'": "\U0001f600", "E'\\xc3\\xa9'": "\u00e9",
    "E'\\q\\\n'": "q\n", "E'\\x4'\n'1'": "\x041", "E'\\xc3'\n'\\xa9'": "\u00e9", "U&'\\0041\\+000042'": "AB", "u&'\\D83D\\DE00'": "\U0001f600",
    "U&'\\\\'": "\\", "U&'a''b'": "a'b", "U&'\\00'\n'41'": "A", "$$$$": "", "$$a'b\\$$": "a'b\\", "$a$$b$$$a$": "$b$$", "$A$$a$$A$": "$a$",
    "$\u00e9$x$\u00e9$": "x", "$$\n-- '\n$$": "\n-- '\n", "E'\\U0000D83D\\uDE00'": "\U0001f600",
}  # fmt: skip
NO_STRINGS = [
    "E'\\uD83D'", "E'\\uDE00\\uD83D'", "E'\\uD83Dx'", "E'\\000'", "E'\\400'", "E'\\x00'", "E'\\u0000'", "E'\\xff'", "E'\\u12'",
    "E'\\U0011FFFF'", "U&'\\D83D'", "U&'\\0000'", "U&'\\12'", "U&'\\+11FFFF'", "U&'\\'", "E'\\uD83D'\n'\\uDE00'", "E'\\u00'\n'41'",
    "'a' 'b'", "'a'/**/\n'b'", "'a'\nE'b'", "'a'\n$$b$$", "$$a$$\n'b'", "U&'a'\nU&'b'",
]  # fmt: skip


def test_strings(asked: Asked) -> None:
    assert {literal: decoded(literal) for literal in STRINGS} == {
        literal: text.encode() for literal, text in STRINGS.items()
    }
    assert {literal: asked.text_of(literal) for literal in STRINGS} == {
        literal: text.encode() for literal, text in STRINGS.items()
    }


@pytest.mark.parametrize("literal", NO_STRINGS)
def test_no_strings(literal: str, asked: Asked) -> None:
    assert decoded(literal) is None
    assert asked.text_of(literal) is None


def converter(type_name: str, labels: tuple[str, ...] = ()) -> Convert:
    found = column_type(Column("c", type_name, labels=labels), ColumnRule())
    assert found is not None
    return found.convert


def taken(convert: Convert, text: str) -> bytes | None:
    try:
        return convert(text.encode())
    except ValueFault as fault:
        assert fault.message
        assert fault.hint
        return None


def times() -> list[str]:
    at = random.Random(1)
    texts = [
        "0001-01-01T00:00",
        "9999-12-31T23:59:59.999999",
        "2000-01-01 00:00:00",
        "1999-12-31 23:59:59.999999",
        "2024-02-29T12:00",
    ]
    for digits in range(1, 7):
        texts += [f"2026-01-02T03:04:05.{'0' * (digits - 1)}1", f"1969-12-31 23:59:59.{'9' * digits}"]
    for _ in range(300):
        moment = datetime(1, 1, 1) + timedelta(microseconds=at.randrange(315_537_897_599_999_999))
        texts.append(moment.isoformat(at.choice("T "), at.choice(["auto", "seconds", "milliseconds", "minutes"])))
    return texts


def uuids() -> list[str]:
    at = random.Random(2)
    made = [f"{at.getrandbits(128):032x}" for _ in range(100)]
    plain = [f"{one[:8]}-{one[8:12]}-{one[12:16]}-{one[16:20]}-{one[20:]}" for one in made]
    return [*plain, *(one.upper() for one in plain[:10]), "00000000-0000-0000-0000-000000000000", plain[0].title()]


ONE, TWO = uuids()[:2]
GOOD: dict[str, list[str]] = {
    "uuid": uuids(),
    "integer": ["0", "-0", "1", "-1", "007", "-007", "2147483647", "-2147483648", "0" * 30 + "5"],
    "bigint": ["0", "9223372036854775807", "-9223372036854775808"],
    "smallint": ["0", "32767", "-32768"],
    "boolean": ["true", "false", "t", "f"],
    "timestamp without time zone": times(),
    "text": ["", "a", " a ", "\u00e9\U0001f600", "5", "\x01\x7f\n"],
    "character varying": ["", "NULL", "\ufeff"],
    "character varying(3)": ["", "abc", "\u00e9\u20ac\U0001f600", "   "],
    "json": ['{"a" : 1.50}', " [ ] ", '"x"', "null", "1", '{"b":1,"a":2}', '"\\u00e9"'],
    "uuid[]": [
        "{}",
        " { } ",
        f"{{{ONE}}}",
        f"{{{ONE},{TWO.upper()}}}",
        f' {{ "{ONE}" ,\t{TWO}\n}} ',
        f"{{{ONE},{ONE}}}",
    ],
}
# Refused here, mostly although the server takes it.
BAD: dict[str, list[str]] = {
    "uuid": ["", "x", ONE.replace("-", ""), f"{{{ONE}}}", f" {ONE}", f"{ONE} ", ONE[:-1], ONE + "0", ONE.replace("-", "\u2010"), "g" + ONE[1:], ONE + "\n"],
    "integer": [
        "", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "1_000", "0b1", "2147483648", "-2147483649", "\u0661", "--1", "1-", "NULL", "1\n", "9" * 50,
    ],
    "boolean": ["", "yes", "on", "1", "0", "TRUE", "True", "y", "tr", " t", "off", "t\n"],
    "timestamp without time zone": [
        "", "now", "today", "infinity", "-infinity", "epoch", "2026-01-02", "2026-01-02T03", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05+00",
        "2026-01-02 03:04:05 UTC", "2026-01-02T03:04:05-02:30", "2026-02-30 00:00", "2026-13-01 00:00", "2026-01-01 24:00:01", "2026-01-01 23:60", "0000-01-01 00:00",
        "2026-01-02T03:04:05.1234567", "2026-01-02T03:04:05.", "2026-01-02T03:04:05,5", "01/02/2026 03:04", "Jan 2 2026 03:04", "20260102T030405", "2026-W01-1T00:00",
        "10000-01-01 00:00", "2026-01-02  03:04", "2026-01-02t03:04", " 2026-01-02 03:04", "2026-01-02 03:04 ", "2026-01-02 03:04 BC", "\u0662026-01-02 03:04", "2026-01-02 03:04\n",
    ],
    "character varying(3)": ["abcd", "\u00e9\u00e9\u00e9\u00e9", "    "],
    "json": ["", "{", "NaN", "'a'", "{a:1}", "[1,]", "01", "\ufeff1"],
    "uuid[]": [
        "", "{", "}", ONE, "{{}}", f"{{{{{ONE}}}}}", "{NULL}", "{null}", f"{{{ONE},}}", f"{{,{ONE}}}", f"{{{ONE} {TWO}}}", f"[1:1]={{{ONE}}}", f"{{{ONE};{TWO}}}", '{""}',
        f'{{"{ONE}}}', f"{{{ONE}}}x", f"{{\\{ONE}}}",
    ],
}  # fmt: skip


@pytest.mark.parametrize("type_name", GOOD)
def test_wire_forms_are_those_of_the_server(type_name: str, asked: Asked) -> None:
    convert = converter(type_name)
    assert [taken(convert, text) for text in GOOD[type_name]] == asked.wire(GOOD[type_name], type_name)
    assert [taken(convert, text) for text in GOOD[type_name]] == asked.wire(GOOD[type_name], type_name), "remembered"


@pytest.mark.parametrize("type_name", BAD)
def test_what_is_refused(type_name: str) -> None:
    convert = converter(type_name)
    assert [text for text in BAD[type_name] if taken(convert, text) is not None] == []


def test_whatever_is_taken_the_server_takes_too(asked: Asked) -> None:
    """Texts near to the good ones: taken only with the server's own value."""
    at = random.Random(3)
    for type_name, texts in GOOD.items():
        convert, near = converter(type_name), []
        for _ in range(400):
            text = at.choice(texts)
            place = at.randrange(len(text) + 1)
            near.append(
                text[:place] + at.choice(["", *"0159-+ :.,T'\"{}[]\\Z\n", "\u00e9"]) + text[place + at.choice([0, 1]) :]
            )
        ours = [(text, wire) for text in near if (wire := taken(convert, text)) is not None]
        assert [wire for _, wire in ours] == asked.wire([text for text, _ in ours], type_name)


def test_enum() -> None:
    convert = converter("source_type", ("kindle", "pdf"))
    assert convert(b"kindle") == b"kindle"
    assert [taken(convert, text) for text in ("Kindle", "", "web", "pdf ")] == [None] * 4


def test_array_elements() -> None:
    wire = converter("uuid[]")(f"{{{ONE},{TWO}}}".encode())
    assert uuid_array_elements(wire) == [bytes.fromhex(one.replace("-", "")) for one in (ONE, TWO)]
    assert uuid_array_elements(converter("uuid[]")(b"{}")) == []
    constructed = read(with_value("screenshot_ids", "ARRAY[]::uuid[]", "chunk")).values("chunks")["screenshot_ids"]
    assert constructed == converter("uuid[]")(b"{}")


@pytest.mark.parametrize(
    ("type_name", "text", "shown"),
    [
        ("uuid", ONE.upper(), ONE),
        ("integer", "-5", "-5"),
        ("boolean", "t", "true"),
        ("boolean", "f", "false"),
        ("timestamp without time zone", "2026-01-02T03:04", "2026-01-02 03:04:00"),
        ("uuid[]", "{}", "{0 uuids}"),
        ("uuid[]", f"{{{ONE},{TWO}}}", "{2 uuids}"),
        ("vector(2)", "[1,2]", "a vector of 2"),
        ("text", "\x1b[2J" + "x" * 60, "\\x1b[2J" + "x" * 36 + "…"),
        ("character varying(9)", "a\nb", "a\\x0ab"),
    ],
)
def test_display(type_name: str, text: str, shown: str) -> None:
    assert display(converter(type_name)(text.encode()), type_name) == shown
    assert display(None, type_name) == "NULL"


def test_signs_reach_the_value() -> None:
    for sql, number in {
        "-5": -5,
        "- 5": -5,
        "-(5)": -5,
        "(-5)": -5,
        "CAST(-5 AS int)": -5,
        "'-5'": -5,
        "-0": 0,
        "5": 5,
        "005": 5,
    }.items():
        wire = read(with_value("word_count", sql, "book")).values("books")["word_count"]
        assert wire == number.to_bytes(4, "big", signed=True), sql
