"""JSON texts of our own: the forms of RFC 8259 that a value of an export may take, and near misses of each."""

from __future__ import annotations

from itertools import pairwise, product

WHITESPACE = ("", " ", "\t", "\n", "\r\n", "  \n\t ")
NUMBERS = (
    "0",
    "-0",
    "7",
    "-12",
    "3.25",
    "-0.5",
    "1e3",
    "1E3",
    "1e+3",
    "1e-3",
    "12.5e2",
    "123456789012345678901234567890",
)
NO_NUMBERS = (
    *(
        "+1",
        "01",
        "-01",
        "00",
        "1.",
        ".5",
        "-.5",
        "-",
        "1e",
        "1e+",
        "1.e3",
        "0x10",
        "0b1",
        "1_000",
        "1,5",
        "- 1",
        "1e1.5",
    ),
    *("NaN", "Infinity", "-Infinity", "nan", "\uff11", "1f", "1/2", "--1", "++1", "1-", "1e5e5", "0e", "1 000"),
)
STRINGS = (
    *('""', '"plain"', '"two words"', '"\\""', '"\\\\"', '"\\/"', '"/"', '"\\b\\f\\n\\r\\t"', '"\\u0041"', '"\\u00E9"'),
    *(
        '"\\uD83D\\uDE00"',
        '"\u00e9"',
        '"\u4e2d\u6587"',
        '"\U0001f600"',
        '"\u2028\u2029"',
        '"\x7f"',
        '"[1, 2]"',
        '"// no comment"',
    ),
)
NO_STRINGS = (
    *(
        '"',
        '"open',
        'open"',
        "'single'",
        '"\\"',
        '"\\x41"',
        '"\\u12"',
        '"\\u12G4"',
        '"\\U0041"',
        '"\\a"',
        '"\\\n"',
        '"\\\'"',
    ),
    *(
        '"\n"',
        '"\t"',
        '"\x01"',
        '"\x1f"',
        '"\\uD83D"',
        '"\\uDE00"',
        '"\\uDE00\\uD83D"',
        '"\\uD83Dx"',
        '"\\u0000"',
        '"a" "b"',
    ),
)
WORDS = ("true", "false", "null")
NO_WORDS = (
    "True",
    "FALSE",
    "nul",
    "nulll",
    "none",
    "undefined",
    "yes",
    "truefalse",
    "tru e",
    "*",
    "\u00a0null",
    "\ufeffnull",
)
SCALARS = (*NUMBERS, *STRINGS, *WORDS)
ARRAYS = (
    *("[]", "[[]]", "[[], []]", "[[[[1]]]]", '[null, true, 1, "x", {}, []]'),
    *(f"[{one},{other}]" for one, other in pairwise(SCALARS)),
)
NO_ARRAYS = (
    *(
        "[",
        "]",
        "[,]",
        "[1,]",
        "[,1]",
        "[1,,2]",
        "[1 2]",
        "[1;2]",
        "[1:2]",
        "[1",
        "1]",
        "[1]]",
        "[[1]",
        "[1}",
        "(1)",
        "[1],",
        "[#]",
    ),
    *("[1, // no\n2]", "[1 /* no */]", "[...]", "[1-2 3]"),
)
OBJECTS = (
    *(
        "{}",
        '{"": 0}',
        '{"a": {"a": {"a": 1}}}',
        '{"a": 1, "A": 2}',
        '{"a b": [{"c": null}]}',
        '{"\\u0061": 1, "b": 2}',
    ),
    *(f'{{"key": {scalar}}}' for scalar in SCALARS),
)
NO_OBJECTS = (
    *(
        "{",
        "}",
        "{,}",
        '{"a"}',
        '{"a":}',
        "{:1}",
        '{"a": 1,}',
        '{,"a": 1}',
        '{"a": 1,, "b": 2}',
        '{"a": 1 "b": 2}',
        '{"a" 1}',
    ),
    *(
        "{a: 1}",
        "{'a': 1}",
        "{1: 1}",
        "{null: 1}",
        "{[]: 1}",
        '{"a": 1; "b": 2}',
        '{"a": 1}}',
        '{"a": 1',
        '{"a"= 1}',
        '{"a":: 1}',
    ),
    *('{"a": 1, "a": 2}', '{"a": 1, "\\u0061": 2}', '{"a\\u0000": 1}', '{"a": 1]', '{"a": 1} {}'),
)

ACCEPTED = (
    *SCALARS,
    *ARRAYS,
    *OBJECTS,
    *(f"{blank}[{blank}1{blank},{blank}2{blank}]{blank}" for blank in WHITESPACE),
    *(f'{blank}{{{blank}"a"{blank}:{blank}1{blank}}}{blank}' for blank in WHITESPACE),
)
WRONG = (*NO_NUMBERS, *NO_STRINGS, *NO_WORDS, *NO_ARRAYS, *NO_OBJECTS)
REFUSED = (
    *("", " ", "\n"),
    *WRONG,
    *(
        form.format(text)
        for form, text in product(("[{}]", "[1, {}]"), (*NO_NUMBERS, *NO_STRINGS, *NO_WORDS))
        if text != "1,5"
    ),
)
