from __future__ import annotations

from pathlib import Path

import pytest

from minerva_promote.config.yaml_source import parse_source, path_text, read_source
from minerva_promote.errors import Location


def faults(data: str | bytes) -> list[str]:
    source = parse_source(data.encode() if isinstance(data, str) else data, "f.yaml")
    return [f"{fault} | {fault.hint}" if fault.hint else str(fault) for fault in source.faults]


def test_values_are_plain_and_lists_are_tuples() -> None:
    text = "a: [1, -2, 0.5, 1e3, true]\nb: {c: 2026-01-01, d: 'yes', e: ~, f: 10min, g: ''}\n"
    source = parse_source(text.encode(), "f.yaml")
    assert source.faults == ()
    assert source.values == {
        "a": (1, -2, 0.5, 1000.0, True),
        "b": {"c": "2026-01-01", "d": "yes", "e": None, "f": "10min", "g": ""},
    }


def test_keys_and_values_have_places_counted_in_characters_from_1() -> None:
    source = parse_source("ä: {ö: [x, yü, z]}\n\nb:\n  - k: 1\n".encode(), "f.yaml")
    assert source.key_at(("ä", "ö")) == Location("f.yaml", 1, 5)
    assert source.at(("ä", "ö", 2)) == Location("f.yaml", 1, 16)
    assert source.at(("b", 0)) == Location("f.yaml", 4, 5)
    assert source.at(("b", 0, "k")) == Location("f.yaml", 4, 8)
    assert source.at(("b", 0, "missing")) == Location("f.yaml", 4, 5)  # the nearest above
    assert source.value(("b", 0, "k")) == 1
    assert source.value(("b", 3, "k")) is None


def test_a_byte_order_mark_is_no_fault() -> None:
    assert parse_source(b"\xef\xbb\xbfa: 1\n", "f.yaml").values == {"a": 1}


def test_aliases_are_expanded() -> None:
    source = parse_source(b"a: &x [1, 2]\nb: *x\n", "f.yaml")
    assert source.values == {"a": (1, 2), "b": (1, 2)}
    assert source.faults == ()


def test_all_faults_of_a_file_at_once() -> None:
    text = (
        "a: 1\nb: {a: 012, a: 3}\na: 2\n3: x\non: 1\n? [x]\n: 1\n<<: {z: 1}\nc: yes\nd: !x y\ne: 1_000\nf: !!set {x}\n"
    )
    number = "not a plain decimal number (a leading zero, an underscore, a colon, hexadecimal, infinity)"
    assert sorted(faults(text), key=lambda line: int(line.split(":")[1])) == [
        f"f.yaml:2:8: b.a: {number} | write decimal digits, or put text in quotes",
        'f.yaml:2:13: b: key "a" stands twice; first in line 2',
        'f.yaml:3:1: key "a" stands twice; first in line 1',
        'f.yaml:4:1: key 3 is not text | put it in quotes: "3"',
        'f.yaml:5:1: key on is not text | put it in quotes: "on"',
        "f.yaml:6:3: a key that is not text | a key is one word; put it in quotes if need be",
        "f.yaml:8:1: merge keys (<<) are not read | write the keys out",
        "f.yaml:9:4: c: a bare yes, no, on or off | write true or false, or put the word in quotes",
        "f.yaml:10:4: d: an unknown tag (!) | put text that starts with ! in quotes",
        f"f.yaml:11:4: e: {number} | write decimal digits, or put text in quotes",
        "f.yaml:12:4: f: an unknown tag (!) | values are text, numbers, true, false, lists and mappings",
    ]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "f.yaml:1:1: the file is empty"),
        (b"# only a comment\n", "f.yaml:1:1: the file is empty"),
        (b"a: 1\nb: \xc3\xa4\xff\n", "f.yaml:2:5: not UTF-8 | save the file as UTF-8"),
        (b"a: 1\nb: \x00\n", "f.yaml:2:4: a character that no YAML file may hold: U+0000"),
        (b"a: 1\n---\nb: 1\n", "f.yaml:2:1: a second document | one file holds one document: take the `---` away, or "
         "split the file"),
        (b"a:\n\t- b\n", "f.yaml:2:1: a tab in the indentation | indent with blanks"),
        (b"a: *hunter2\n", "f.yaml:1:4: an alias (*) without its anchor | put text that starts with * in quotes"),
        (b"a: !h!unter2 x\n", "f.yaml:1:4: an unknown tag (!) | put text that starts with ! in quotes"),
        (b"a: &x [*x]\n", "f.yaml:1:4: a[0]: an alias inside its own anchor"),
        (b"a: {b: ${X}}\n", "f.yaml:1:9: not YAML: did not find expected ',' or '}' | inside { } and [ ] a variable "
         'stands in quotes: "${NAME}"'),
        (b"a: b: c\n", "f.yaml:1:5: not YAML: mapping values are not allowed in this context"),
        (b"[" * 100_000, "f.yaml:1:51: nested more than 50 deep"),
        (b"a: " + b"9" * 5000, "f.yaml:1:4: a: not a plain decimal number (a leading zero, an underscore, a colon, "
         "hexadecimal, infinity) | write decimal digits, or put text in quotes"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_where_and_why(data: bytes, fault: str) -> None:
    assert faults(data) == [fault]


def test_an_alias_bomb_is_refused() -> None:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]
    (fault,) = parse_source("\n".join(lines).encode(), "f.yaml").faults
    assert fault.message == "more than 200000 values after aliases are expanded"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_bytes(b"#" * 1_048_577)
    found = [str(read_source(tmp_path / name, name).faults[0]) for name in ("none.yaml", "big.yaml", "")]
    assert found == [
        "none.yaml: cannot be read: no such file or directory",
        "big.yaml: 1048577 bytes, at most 1048576 are read",
        ": cannot be read: is a directory",
    ]


def test_show() -> None:
    assert path_text(("checks", 0, "expect", "promote.runs")) == 'checks[0].expect["promote.runs"]'
