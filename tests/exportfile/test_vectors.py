"""Vectors become the bits that pgvector itself would store, whichever JSON parser reads them."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from minerva_promote.exportfile import vector_literals as vector
from minerva_promote.exportfile.value_faults import ValueFault
from tests.exportfile.support import Asked

Read = Callable[[bytes], bytes]


@pytest.fixture(params=["simdjson", "orjson"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], Read]:
    """The reader over pysimdjson, and over what takes its place where it has no wheel."""
    if request.param == "orjson":
        monkeypatch.setattr(vector, "_json_reader", vector._orjson_reader)
    else:
        pytest.importorskip("simdjson")
    return vector.vector_reader


def code(read: Read, text: str) -> str:
    """Why a vector is refused; empty when it is not."""
    try:
        read(text.encode())
    except ValueFault as fault:
        return fault.code
    return ""


def exact(value: Fraction) -> str:
    """All decimal digits of a dyadic fraction."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    whole, rest = divmod(value, 1)
    digits = ""
    while rest:
        digit, rest = divmod(rest * 10, 1)
        digits += str(digit)
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def single(bits: int) -> Fraction:
    return Fraction(struct.unpack(">f", struct.pack(">I", bits))[0])


def halfway(at: random.Random) -> str:
    """The decimal exactly between two neighbours, or a hair beside it."""
    low = at.choice(
        [at.randrange(0x00800000, 0x5F000000), at.randrange(1, 0x00800000), at.randrange(0x3F000000, 0x40000000)]
    )
    middle = (single(low) + single(low + 1)) / 2
    text = exact(middle)
    if at.random() < 0.6:
        text = text + "0" * at.choice([0, 5, 30]) + "1" if "." in text else text
        if at.random() < 0.5:
            text = exact(middle - Fraction(1, 10 ** at.choice([60, 170])))
    return at.choice(["", "-"]) + text


def number(at: random.Random) -> str:
    kind = at.randrange(12)
    if kind == 0:
        return halfway(at)
    if kind == 1:
        return repr(float(np.float32(at.uniform(-1, 1))))
    if kind == 2:
        return f"{at.uniform(-1, 1):.{at.randrange(1, 40)}f}"
    if kind == 3:
        return f"{at.uniform(-9, 9):.{at.randrange(0, 20)}e}".replace("e", at.choice("eE"))
    if kind == 4:
        return at.choice(["0", "-0", "0.0", "-0.0", "-0e5", "0e-999", "0.000", "-.0", "0.", "00", "-00.00"])
    if kind == 5:
        return at.choice([".5", "5.", "-.25", "-7.", "007", "00.50", "1e+2", "1E-2", "1e005", "1.e3", ".5e1"])
    if kind == 6:
        return f"{at.uniform(1, 9):.17f}e-{at.randrange(30, 46)}"
    if kind == 7:
        return str(at.randrange(-(10**18), 10**18))
    if kind == 8:
        return "0." + "".join(at.choices("0123456789", k=at.randrange(1, 400))) + "1"
    if kind == 9:
        return exact(single(at.randrange(1, 0x5F000000)))
    if kind == 10:
        return f"{at.randrange(1, 10**30)}e{at.randrange(-60, -10)}"
    return repr(at.gauss(0, 0.02))


def blank(at: random.Random) -> str:
    return at.choice(["", "", "", " ", "\t", "\n ", "\r", "\f"])


def made(at: random.Random, length: int) -> str:
    plain = at.random() < 0.6
    pieces = [number(at) if plain else blank(at) + number(at) + blank(at) for _ in range(length)]
    return f"[{','.join(pieces)}]" if plain else f"{blank(at)}[{','.join(pieces)}]{blank(at)}"


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 3))])
def test_random_vectors(seed: int, reader: Callable[[int | None], Read], asked: Asked) -> None:
    at = random.Random(seed)
    texts = [made(at, 8) for _ in range(400)]
    read = reader(8)
    kept = [text for text in texts if not code(read, text)]
    assert len(kept) > 300
    assert [read(text.encode()) for text in kept] == asked.wire(kept, "vector")
    for text in set(texts) - set(kept):  # stricter than the server only where the specification says so
        assert code(read, text) in ("vector-norm", "vector-zero") or not asked.takes(text, "vector"), text


@pytest.mark.parametrize("reader", ["simdjson", pytest.param("orjson", marks=pytest.mark.soak)], indirect=True)
def test_the_last_bit(reader: Callable[[int | None], Read], asked: Asked) -> None:
    """Halves between neighbours, where a double rounds twice."""
    at = random.Random(9)
    texts = [f"[{halfway(at)},1]" for _ in range(700)]
    read = reader(2)
    texts = [text for text in texts if code(read, text) not in ("vector-norm", "vector-range")]
    assert len(texts) > 400
    assert [read(text.encode()) for text in texts] == asked.wire(texts, "vector")
    naive = [struct.pack(">hhff", 2, 0, float(np.float32(float(text[1:].split(",")[0]))), 1.0) for text in texts]
    assert naive != asked.wire(texts, "vector"), "the texts do not try what they should"


EDGE = "340282356779733661637539395458142568448"  # halfway from the largest float32 to 2^128


@pytest.mark.parametrize(
    ("component", "refused"),
    [
        ("3.4028235677973366e38", ""),
        (EDGE, "vector-range"),
        ("340282356779733661637539395458142568447.9", ""),
        ("3.4028235e38", ""),
        ("-3.4028235e38", ""),
        ("-" + EDGE, "vector-range"),
        ("1e39", "vector-range"),
        ("1e400", "vector-range"),
        ("-1e999999999", "vector-range"),
        ("1e-45", ""),
        ("7.006492321624085e-46", "vector-range"),
        ("7.0064923216240854e-46", ""),
        ("7.00649232162408535461864791644958065640130970938257885878534141944895541342930300743319094181060791015625e-46", "vector-range"),
        ("7.00649232162408535461864791644958065640130970938257885878534141944895541342930300743319094181060791015626e-46", ""),
        ("1e-46", "vector-range"),
        ("1e-400", "vector-range"),
        ("-1e-999999999", "vector-range"),
        ("0e-999999999", ""),
        ("0." + "0" * 400 + "1", "vector-range"),
        ("0." + "0" * 400, ""),
        ("1.17549435e-38", ""),
        ("1.1754942e-38", ""),
    ],
)  # fmt: skip
def test_edges(component: str, refused: str, reader: Callable[[int | None], Read], asked: Asked) -> None:
    """One component at the edge of float32; the norm is judged apart, by leaving it out of the edge."""
    singles = f"[{component},1]"
    vanishes = refused == "vector-range" and abs(float(component)) < 1  # the server makes it zero
    assert asked.takes(singles, "vector") == (not refused or vanishes)
    found = code(reader(2), singles)
    if refused or abs(float(component)) < 1e19:
        assert found == refused
    else:
        assert found == "vector-norm"
    if not found:
        assert [reader(2)(singles.encode())] == asked.wire([singles], "vector")


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("[1,2,3]", ""),
        ("[1,2]", "vector-length"),
        ("[1,2,3,4]", "vector-length"),
        ("[]", "vector-form"),
        ("[ ]", "vector-form"),
        ("", "vector-form"),
        ("[", "vector-form"),
        ("1,2,3", "vector-form"),
        ("[1,2,3", "vector-form"),
        ("[1,2,3]]", "vector-component"),
        ("[[1,2,3]]", "vector-component"),
        ("[1,2,3] x", "vector-form"),
        ("[1,2,3],", "vector-form"),
        ("{1,2,3}", "vector-braces"),
        ("{1:1}/3", "vector-braces"),
        ("[1,,3]", "vector-component"),
        ("[1,2,]", "vector-component"),
        ("[,1,2]", "vector-component"),
        ("[1 2,3,4]", "vector-component"),
        ("[+1,2,3]", "vector-component"),
        ("[--1,2,3]", "vector-component"),
        ("[- 1,2,3]", "vector-component"),
        ("[1_0,2,3]", "vector-component"),
        ("[1e,2,3]", "vector-component"),
        ("[.,2,3]", "vector-component"),
        ("[0x1p3,2,3]", "vector-component"),
        ("[NaN,2,3]", "vector-component"),
        ("[Infinity,2,3]", "vector-component"),
        ("[-inf,2,3]", "vector-component"),
        ("[null,2,3]", "vector-component"),
        ('["1",2,3]', "vector-component"),
        ("[true,2,3]", "vector-component"),
        ("[\u0661,2,3]", "vector-component"),
        ("[1\u00a0,2,3]", "vector-component"),
        ("[1\v,2,3]", "vector-component"),
        ("\u00a0[1,2,3]", "vector-form"),
        ("[1,2,3]\x00", "vector-form"),
        ("[0,0,0]", "vector-zero"),
        ("[-0,0.0,0e5]", "vector-zero"),
        ("[1e-23,0,0]", "vector-zero"),
        ("[1e-22,1e-22,1e-22]", ""),
        ("[1.9e19,0,0]", "vector-norm"),
        ("[1.8e19,0,0]", ""),
        ("[1.4e19,1.4e19,0]", "vector-norm"),
    ],
)
def test_forms(text: str, refused: str, reader: Callable[[int | None], Read]) -> None:
    assert code(reader(3), text) == refused


def answers(path: Path) -> list[tuple[str, int | None, str]]:
    """Each "SELECT '…'::vector(n)" of pgvector's own tests: text, n, and the answer or the error."""
    asked = re.compile(r"^SELECT '([^']*)'::vector(?:\(([0-9]+)\))?;\n(?:.*\n-+\n (.*)|(ERROR:.*))\n", re.M)
    return [
        (text, int(length) if length else None, (answer or error).strip())
        for text, length, answer, error in asked.findall(path.read_text("utf-8"))
    ]


def test_the_tests_of_pgvector(corpora: Path, reader: Callable[[int | None], Read]) -> None:
    cases = answers(corpora / "pgvector" / "expected" / "vector_type.out")
    assert len(cases) > 30
    for text, length, answer in cases:
        read = reader(length)
        refused = code(read, text)
        if answer.startswith("ERROR"):
            assert refused, text
        elif refused:  # what pgvector takes and EXPORT_FORMAT does not
            assert refused in ("vector-zero", "vector-norm", "vector-component") or "1e-46" in text, (text, refused)
        else:
            singles = np.frombuffer(read(text.encode())[4:], ">f4").tolist()
            assert singles == pytest.approx([float(part) for part in answer.strip("[]").split(",")], rel=1e-5), text
