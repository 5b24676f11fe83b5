"""The .env file is read as python-dotenv reads it; what was read otherwise before, or is odd, is said."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from minerva_promote.config.dotenv import Dotenv, read_dotenv
from minerva_promote.errors import ConfigError

PLAIN = (
    "\ufeff# a comment\r\nA=1\r\n\n  export B = two words # comment\nC='it # ${A}' # c\n"
    'D="a\\"b\\n"\nE=\nG=postgresql://u:p#w@h/d?a=b\nH=""\nI=ä\n'
    "J='one\ntwo'\nK=\"one\n two # no comment\"\nL\nA=2\nM= # comment\nN='it\\'s'\nO-P=odd\n"
)


def read(tmp_path: Path, content: str | bytes) -> Dotenv:
    (tmp_path / ".env").write_bytes(content.encode() if isinstance(content, str) else content)
    return read_dotenv(tmp_path / ".env")


def test_values(tmp_path: Path) -> None:
    assert dict(read_dotenv(tmp_path / ".env")) == {}
    found = read(tmp_path, PLAIN)
    values = dotenv_values(stream=io.StringIO(PLAIN.replace("\r\n", "\n")), interpolate=False)
    assert dict(found) == {name: value for name, value in values.items() if value is not None}
    assert found["A"] == "2"
    assert found["B"] == "two words"
    assert found["J"] == "one\ntwo"
    assert found["N"] == "it's"
    assert (found.get("L"), found.get("Z"), found["M"]) == (None, None, "")


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"A=1\nB='hunter2\nC=3\n", ".env:2: B: a quote that is not closed, or text after the closing quote"),
        (b'\n\n  export B="x" hunter2\n', ".env:3: B: a quote that is not closed, or text after the closing quote"),
        (b"\nJ='\nB=hunter2\nK='y'\n", ".env:3: B: stands inside the quote of line 2, which is not closed before"),
        (b"B=hunter2\xff\n", ".env:1: B: not UTF-8"),
        (b"# \xff\nB=hunter2\0\n", ".env:2: B: a NUL character"),
    ],
)
def test_faults(content: bytes, fact: str, tmp_path: Path) -> None:
    found = read(tmp_path, content)
    with pytest.raises(ConfigError) as caught:
        found["B"]
    assert str(caught.value) == fact
    assert "hunter2" not in str(caught.value) + caught.value.hint + repr(found._entries)
    assert [str(error) for error in found.faults(["B", "A", "Z"])] == [fact]
    assert found.faults(["A", "C"]) == []
    assert read(tmp_path, content.replace(b"B", b"OTHER")).faults(["A", "B"]) == []


@pytest.mark.parametrize(
    ("content", "warnings"),
    [
        ("B=1\nA=2\nB=3\n", [".env:3: B is set more than once, also in line 1; the last value is used"]),
        ("B=pa${ss}word\n", [".env:1: B holds a ${ that promote keeps as it is; programs that interpolate read another value"]),
        ("B='pa${ss}word'\n", [".env:1: B holds a ${ that promote keeps as it is; programs that interpolate read another value"]),
        ("B=#x\n", [".env:1: B is read by python-dotenv's rules, and otherwise than by promote before: check its backslashes and #, or put it in single quotes"]),
        ("B='a\\\\b'\n", [".env:1: B is read by python-dotenv's rules, and otherwise than by promote before: check its backslashes and #, or put it in single quotes"]),
        ('B="a\\$b"\n', [".env:1: B is read by python-dotenv's rules, and otherwise than by promote before: check its backslashes and #, or put it in single quotes"]),
        ("  \nB=#x\n", [".env:2: B is read by python-dotenv's rules, and otherwise than by promote before: check its backslashes and #, or put it in single quotes"]),
        ("B=a\rb\n", [".env:1: B is read by python-dotenv's rules, and otherwise than by promote before: check its backslashes and #, or put it in single quotes"]),
        ("J='open\nB=1\n'\n", [".env:2: B stands inside a quoted value of several lines, and is not set by it"]),
        ("J='open\nOTHER=1\n'\nB=1\n", []),
        ("B=pa$$word{1}\n", []),
        ("B=p#w@x\nexport C='a # b'\r\n", []),
        ('B="a\\nb\\"c"\n', []),
        ("OTHER=1\nOTHER=${X}\nJUNK\n'\nNOT CLOSED='\n", []),
    ],
)  # fmt: skip
def test_warnings(content: str, warnings: list[str], tmp_path: Path) -> None:
    found = read(tmp_path, content)
    (tmp_path / ".env").chmod(0o600)
    assert read(tmp_path, content).warnings(["B", "C", "Z"]) == warnings
    assert not any("pa${ss}word" in warning for warning in found.warnings(["B"]))


def test_blanks_take_no_time(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "A=1\nB=x" + " " * 60_000 + "y\n")
    assert str(caught.value) == ".env:2: more than 1,000 blanks in a row"


def test_commands_warn_on_stderr(tmp_path: Path, promote: Callable[..., Any]) -> None:
    assert promote("init", "p", cwd=tmp_path).exit_code == 0
    path = tmp_path / "p" / ".env"
    url = "postgresql://u:hunter2${x}@127.0.0.1:1/d"
    path.write_text(f"PRODUCTION_DATABASE_URL=nothing\nOTHER=1\nOTHER=2\nPRODUCTION_DATABASE_URL={url}\n")
    path.chmod(0o666)
    ran = promote("env", "list", "--format", "json", cwd=tmp_path / "p")
    assert ran.exit_code == 0
    assert ran.stderr.splitlines() == [
        "warning: .env: everybody on this machine may write to it: chmod 600 .env",
        "warning: .env:4: PRODUCTION_DATABASE_URL is set more than once, also in line 1; the last value is used",
        "warning: .env:4: PRODUCTION_DATABASE_URL holds a ${ that promote keeps as it is; programs that interpolate read another value",
    ]
    assert "127.0.0.1" in ran.stdout
    assert "hunter2" not in ran.stdout + ran.stderr
    path.chmod(0o600)
    path.write_text("PRODUCTION_DATABASE_URL='postgresql://u@127.0.0.1:1/d'\nOTHER='\n")
    assert promote("env", "list", cwd=tmp_path / "p").stderr == ""
    path.write_text("PRODUCTION_DATABASE_URL='postgresql://u@127.0.0.1:1/d\n")
    ran = promote("env", "list", cwd=tmp_path / "p")
    assert ran.exit_code == 2
    assert ran.stderr.startswith("error: .env:1: PRODUCTION_DATABASE_URL: a quote that is not closed")
    set_outside = {"PRODUCTION_DATABASE_URL": "postgresql://u@127.0.0.1:1/d"}
    assert promote("env", "list", cwd=tmp_path / "p", env=set_outside).stderr == ""
