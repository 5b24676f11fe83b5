"""json values: what RFC 8259 has, less what jsonb or a client could not read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from minerva_promote.exportfile.json_parser import Number, check_json, parse_json, string_values
from minerva_promote.exportfile.value_faults import ValueFault
from tests.exportfile.json_texts import ACCEPTED, REFUSED, WRONG
from tests.exportfile.support import Asked
from tests.material import corpora_folder

# Valid by RFC 8259, and refused here: what jsonb or a client could not read.
STRICTER = {
    "y_object_duplicated_key.json",
    "y_object_duplicated_key_and_value.json",
    "y_object_escaped_null_in_key.json",
    "y_string_null_escape.json",
}


def suite() -> list[Path]:
    folder = corpora_folder()
    return sorted(folder.glob("jsontestsuite/test_parsing/*.json")) if folder else []


def refusal(text: str) -> str:
    """Why this JSON is refused; empty when it is not. The quick check and the parser give the same reason."""
    reasons = [refusal_by(read, text) for read in (check_json, parse_json)]
    assert reasons[0] == reasons[1], text[:200]
    return reasons[0]


def refusal_by(read: Callable[[bytes], object], text: str) -> str:
    try:
        read(text.encode())
    except ValueFault as fault:
        assert fault.code == "json"
        return fault.message
    return ""


def test_our_texts_are_judged_as_the_server_judges_them(asked: Asked) -> None:
    """What is accepted is jsonb; what is refused the server refuses, but for what clients could not read."""
    assert {text: reason for text in ACCEPTED if (reason := refusal(text))} == {}
    assert [text for text in REFUSED if not refusal(text)] == []
    assert None not in asked.wire(list(ACCEPTED), "jsonb")
    taken = {text for text in WRONG if "\0" not in text and asked.takes(text, "jsonb")}
    assert taken == {'{"a": 1, "a": 2}', '{"a": 1, "\\u0061": 2}'}


def test_the_suite_is_there(corpora: Path) -> None:
    assert len(suite()) > 300


@pytest.mark.parametrize("path", suite(), ids=lambda path: path.stem)
def test_json_test_suite(path: Path) -> None:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:  # such a file never gets as far as its values
        assert path.name[0] in "ni"
        return
    refused = refusal(text)
    if path.name[0] == "y":
        assert bool(refused) == (path.name in STRICTER)
    elif path.name[0] == "n":
        assert refused


@pytest.mark.usefixtures("corpora")
def test_what_is_accepted_is_jsonb(asked: Asked) -> None:
    texts = []
    for path in suite():
        text = path.read_bytes().decode("utf-8", "replace")
        if "\0" not in text and not refusal(text):
            texts.append(text)
    assert len(texts) > 90
    assert None not in asked.wire(texts, "jsonb")


NUMBERS = [
    f"{sign}{number}"
    for sign in ("", "-")
    for number in [
        "1e131071", "1e131072", "10e131071", "0.1e131072", "0.1e131073", "0.01e131073", "0e131072", "0e200000", "1e-16383",
        "1e-16384", "100e-16385", "1.0e-16382", "1.0e-16383", "0.0e-16384", "0e-200000", "1E+131071", "1e99999999999",
        "0e99999999999", "1e-99999999999", "9" * 131_072, "9" * 131_073, "0." + "0" * 16_382 + "1", "0." + "0" * 16_383 + "1",
        "1" + "0" * 100 + "e130971", "1" + "0" * 100 + "e130972", "0.00e131074", "1e000000000000000005", "0", "0.0", "5e-1",
    ]
]  # fmt: skip


def test_numbers_are_those_of_jsonb(asked: Asked) -> None:
    wrong = {text[:40]: refusal(text) for text in NUMBERS if asked.takes(text, "jsonb") == bool(refusal(text))}
    # jsonb reads an exponent of any length when it is small
    assert wrong == {"1e000000000000000005": "the number 1e000000000000000005 is beyond jsonb"} | {
        "-1e000000000000000005": "the number -1e000000000000000005 is beyond jsonb"
    }
    assert refusal("[1e131072]") == "the number 1e131072 is beyond jsonb"


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' stands twice in one object"),
        ('{"a": 1, "\\u0061": 2}', "the key 'a' stands twice in one object"),
        ('{"a": {"b": 1}, "c": {"b": 1}}', ""),
        ('"\\u0000"', "a \\u0000 escape"),
        ('{"\\u00e9\\u0000": 1}', "a \\u0000 escape"),
        ('"\\\\u0000"', ""),
        ('"\\ud834\\udd1e"', ""),
        ('"\\ud834"', "a lone surrogate escape"),
        ('"\\udd1e\\ud834"', "a lone surrogate escape"),
        ("[" * 100 + "]" * 100, ""),
        ("[" * 101 + "]" * 101, "nested deeper than 100"),
        ('{"a":' * 100 + "1" + "}" * 100, ""),
        ('{"a":' * 101 + "1" + "}" * 101, "nested deeper than 100"),
        ("[" * 1_000_000, "nested deeper than 100"),
        ("NaN", "NaN is not JSON"),
        ("-Infinity", "-Infinity is not JSON"),
        ("", "not JSON: expecting value at 0"),
        ("\ufeff1", "not JSON: unexpected UTF-8 BOM (decode using utf-8-sig) at 0"),
        ("\u00a01", "not JSON: expecting value at 0"),
        ('"\t"', "not JSON: invalid control character at 1"),
        ("1 2", "not JSON: extra data at 2"),
        ("9" * 100_000, ""),
        ('"x"', ""),
        (" \t\r\n[ ] ", ""),
    ],
    ids=range(24),
)
def test_one_value(text: str, fact: str) -> None:
    assert refusal(text) == fact


def test_numbers_are_kept_as_written_and_strings_found() -> None:
    value = parse_json(b'{"k": [1, 1.0, {"inner": "s"}], "n": null}')
    assert value == {"k": [Number("1"), Number("1.0"), {"inner": "s"}], "n": None}
    assert Number("1") != Number("1.0")
    assert sorted(string_values(value)) == ["inner", "k", "n", "s"]


PIECES = (
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    '"a"',
    '"b"',
    '"["',
    '"\\""',
    '"\\ud800"',
    '"\\\\u0000"',
    "1",
    "-0.5",
    "2e5",
    "null",
    "NaN",
    " ",
    "1" * 400,
)


def test_texts_of_any_pieces() -> None:
    """Whatever is put together, the quick check refuses what the parser refuses, for the same reason."""
    random = Random(1)
    accepted = 0
    for _ in range(20_000):
        accepted += not refusal("".join(random.choices(PIECES, k=random.randint(1, 7))))
    for depth in (99, 100, 101, 102):
        for opening, closing in (("[", "]"), ('{"a":', "}"), ('[{"]":', "}]")):
            assert bool(refusal(opening * depth + "1" + closing * depth)) == (depth * len(closing) > 100)
    assert accepted > 1000
