from __future__ import annotations

import json
import time
import urllib.parse

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from minerva_promote.config.variables import Redactor, UnsetVariable, fill_text, redact, variables_of

VALUES: dict[str, str | int | None] = {"N": 3, "T": "text", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain $N {N} $$", "plain $N {N} $$"),
        ("${N}", 3),
        ("vector(${N})", "vector(3)"),
        ("${T}${N}", "text3"),
        ("${X:-a:-b}", "a:-b"),
        ("${X:-}", ""),
        ("${EMPTY:-x}", "x"),
        ("${EMPTY}", ""),
        ("$${N}", "${N}"),
        ("$$${N}", "$${N}"),
        ("a ${X} b", UnsetVariable("X")),
        ("${A:-${B}}", UnsetVariable("")),
        ("${a-b}", UnsetVariable("")),
        ("${N", UnsetVariable("")),
        ("${}", UnsetVariable("")),
    ],
)
def test_fill_text(text: str, filled: object) -> None:
    assert fill_text(text, VALUES.get) == filled
    assert type(fill_text(text, VALUES.get)) is type(filled)


def test_variables_of() -> None:
    assert variables_of("${A}:$${B}:${C:-d}") == ("A", "C")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("connect to postgresql://u:s3cr3t@h/d failed", "connect to postgresql://u:***@h/d failed"),
        ("postgresql+asyncpg://u:s3/cr@3t@h/d", "postgresql+asyncpg://u:***@h/d"),
        ("host=h password=s3cr3t user=u", "host=h password=*** user=u"),
        ("password='s3 cr\\'3t' user=u", "password=*** user=u"),
        ("?user=u&password=s3cr3t&sslmode=require", "?user=u&password=***&sslmode=require"),
        ("PGPASSWORD=s3cr3t psql", "PGPASSWORD=*** psql"),
        ("ALTER ROLE a LOGIN PASSWORD 's3''cr3t' VALID", "ALTER ROLE a LOGIN PASSWORD '***' VALID"),
        ("SCRAM-SHA-256$4096:abc$x:y", "***"),
        ('password authentication failed for user "u"', 'password authentication failed for user "u"'),
        ("postgresql://USER:PASSWORD@HOST:5432/DATABASE", "postgresql://USER:PASSWORD@HOST:5432/DATABASE"),
        ("roles.api.password: expected text, found a number", "roles.api.password: expected text, found a number"),
        ("see https://example.org/a:b", "see https://example.org/a:b"),
    ],
)
def test_what_looks_like_a_secret(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert redact(shown) == shown


def test_a_short_secret_is_only_replaced_as_a_word() -> None:
    assert Redactor(["ab"]).redact("ab cab (ab)") == "*** cab (***)"


def test_the_longest_secret_wins_and_empty_ones_are_none() -> None:
    redactor = Redactor(["", "abcd", "abcdef"])
    assert redactor.redact("abcdef abcd x") == "*** *** x"
    assert repr(redactor) == "Redactor(2 secrets)"


secrets = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=4, max_size=40)


@given(secret=secrets, before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_spelling_of_a_secret_survives(secret: str, before: str, after: str) -> None:
    assume(secret not in "***" and "*" not in secret)
    redactor = Redactor([secret])
    spellings = {
        secret,
        urllib.parse.quote(secret),
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote(secret, safe="").lower() if secret.isascii() and secret.islower() else secret,
        urllib.parse.quote_plus(secret),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        secret.replace("'", "''"),
        secret.replace("\\", "\\\\").replace("'", "\\'"),
    }
    for spelling in spellings:
        shown = redactor.redact(f"{before} {spelling} {after}")
        assert spelling not in shown.removeprefix(before).removesuffix(after) or spelling in f"{before} {after}"
        assert "***" in shown


@pytest.mark.parametrize("text", ["a", "x y ", "password", "p://a:b ", "p://a:", "'", "password='\\", "password ", "@"])
def test_a_long_text_takes_no_long_time(text: str) -> None:
    started = time.perf_counter()
    Redactor(["hunter22", "a b'c\\d"]).redact(text * (500_000 // len(text)))
    assert time.perf_counter() - started < 5  # 0.1 s; a quadratic search takes minutes


@given(text=st.text())
def test_redacting_twice_changes_nothing(text: str) -> None:
    redactor = Redactor(["hunter22"])
    assert redactor.redact(redactor.redact(text)) == redactor.redact(text)


@given(secret=secrets, host=st.sampled_from(["h", "10.0.0.1"]))
def test_an_unknown_password_of_a_url_is_not_shown(secret: str, host: str) -> None:
    encoded = urllib.parse.quote(secret, safe="")
    assume(encoded not in "postgresql://u:***@10.0.0.1/d failed" and encoded != "PASSWORD")
    assert redact(f"postgresql://u:{encoded}@{host}/d failed") == f"postgresql://u:***@{host}/d failed"
