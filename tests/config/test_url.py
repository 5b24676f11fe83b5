from __future__ import annotations

import contextlib
from urllib.parse import quote

import psycopg.conninfo
import psycopg.pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minerva_promote.config import conninfo as libpq
from minerva_promote.config.connection_url import FORMAT, parse_url
from minerva_promote.errors import ConfigError, Location

LIBPQ_READS_THE_SAME = [
    "postgresql://u:p@h/d",
    "postgres://u:p%40%2F@h:5433/d?sslmode=require&connect_timeout=3",
    "postgresql://u:p@h1:1,h2:2/d?target_session_attrs=read-write",
    "postgresql://u@/d?host=/var/run/postgresql",
    "postgresql://%2Fvar%2Frun/d",
    "postgresql://u:p@[::1]:5432/d",
    "postgresql:///d",
    "postgresql://h/d%20e?user=u&password=p%26q",
    "postgresql://u:a:b#c?d@h/d",
    "host=h dbname='a b' user=u password='x\\'y\\\\z'",
    "host = h  port=1\ndbname=d password=it's",
    "host=/tmp dbname=d options='-c search_path=x'",
]


@pytest.mark.parametrize("url", LIBPQ_READS_THE_SAME)
def test_read_as_libpq_reads_it(url: str) -> None:
    target = parse_url(url)
    assert dict(target.params) == psycopg.conninfo.conninfo_to_dict(url)
    assert not target.embedded


def test_every_keyword_is_known_to_libpq_and_the_other_way_round() -> None:
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults() if option.dispchar != b"D"}
    assert known <= libpq.KEYWORDS | {"sslkeylogfile"}
    secret = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults() if option.dispchar == b"*"}
    assert secret <= libpq.SECRETS
    assert not libpq.KEYWORDS & libpq.FOREIGN


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:s3cr3t@h/d", "postgresql://u:***@h/d"),
        ("postgresql://h1:1,h2/d?sslmode=require", "postgresql://h1:1,h2/d?sslmode=require"),
        ("host=/run/pg dbname='a b' user=u password=s3cr3t", "postgresql://u:***@%2Frun%2Fpg/a%20b"),
        ("postgresql://u@[::1]:5/d?password=s3cr3t&sslpassword=s3cr3t", "postgresql://u:***@[::1]:5/d?sslpassword=***"),
        ("embedded://api@/x", "embedded://api@/x"),
    ],
)
def test_shown_without_secrets(url: str, shown: str) -> None:
    target = parse_url(url)
    assert target.redacted() == target.text == shown
    assert "s3cr3t" not in repr(target)


def test_embedded() -> None:
    owner, role = parse_url("embedded:///mpp_dev"), parse_url("embedded://minerva_api@/mpp_dev")
    assert (owner.embedded, owner.dbname, owner.user, dict(owner.params)) == (
        True,
        "mpp_dev",
        None,
        {"dbname": "mpp_dev"},
    )
    assert dict(role.params) == {"dbname": "mpp_dev", "user": "minerva_api"}


@pytest.mark.parametrize(
    ("url", "params", "warnings"),
    [
        ("postgresql+asyncpg://h/d?ssl=require", {"sslmode": "require"},
         ("postgresql+asyncpg:// read as postgresql://", "ssl=require read as sslmode=require")),
        ("postgresql+psycopg://h/d", {}, ("postgresql+psycopg:// read as postgresql://",)),
        ("postgres+psycopg2://h/d", {}, ("postgres+psycopg2:// read as postgresql://",)),
        ("postgresql://h/d?ssl=true", {"sslmode": "require"}, ("ssl=true read as sslmode=require",)),
        ("postgresql://h/d?ssl=false", {"sslmode": "disable"}, ("ssl=false read as sslmode=disable",)),
        ("postgresql://h/d?ssl=verify-full", {"sslmode": "verify-full"}, ("ssl=verify-full read as sslmode=verify-full",)),
        ("postgresql://h/d?pool_size=5&server_settings=x", {},
         ("pool_size ignored: a setting of another program, not of libpq",
          "server_settings ignored: a setting of another program, not of libpq")),
        ("postgresql://u:s3:cr#3t@h/d", {"user": "u", "password": "s3:cr#3t"},
         ('the password holds "#" (%23) and ":" (%3A) unescaped: libpq reads it so, other programs may not',)),
    ],
)  # fmt: skip
def test_what_other_programs_write_is_translated_with_a_warning(
    url: str, params: dict[str, str], warnings: tuple[str, ...]
) -> None:
    target = parse_url(url)
    assert dict(target.params) == {"host": "h", "dbname": "d"} | params
    assert target.warnings == warnings


ENCODE = "in a user name or password write @ as %40, / as %2F, : as %3A, # as %23, ? as %3F, % as %25"
ITS_FORMAT = f"its format is {FORMAT}"
EMBEDDED = "its format is embedded:///DATABASE, or embedded://ROLE@/DATABASE"
KEYWORDS = "the keywords are those of libpq: sslmode, connect_timeout …"
PAIRS = "not a list of keyword=value: a value with blanks or quotes stands in '…', with \\' for a quote"


@pytest.mark.parametrize(
    ("url", "fact", "hint"),
    [
        ("", "is empty", ITS_FORMAT),
        ("s3cr3t", "not a connection URL", ITS_FORMAT),
        ("'postgresql://u:s3cr3t@h/d'", "starts with a quote", "the quotes are not part of a URL: take them away"),
        ("mysql://u:s3cr3t@h/d", "mysql:// is no PostgreSQL URL", ITS_FORMAT),
        ("https://h/d", "https:// is no PostgreSQL URL", ITS_FORMAT),
        ("s3cr3t://h/d", "what stands before :// is no PostgreSQL URL", ITS_FORMAT),
        ("postgressql://u:s3cr3t@h/d", 'postgressql:// is no PostgreSQL URL; did you mean "postgresql"?', ITS_FORMAT),
        ("postgresql://u:s3cr3t@h", "names no database", ITS_FORMAT),
        ("postgresql://u:s3cr3t@h/?sslmode=require", "names no database", ITS_FORMAT),
        ("host=h user=u password=s3cr3t", "names no database", ITS_FORMAT),
        ("postgresql://u:s3cr@3t@h/d", 'an unescaped "@" in the user name or password', ENCODE),
        ("postgresql://u:s3c/r3t@h/d", 'an unescaped "/" or "@" in the user name or password', ENCODE),
        ("postgresql://u:s3c/r?3t@h/d", 'an unescaped "@" in the user name or password', ENCODE),
        ("postgresql://u:s3cr%3t@h/d", 'a "%" without two hexadecimal digits behind it', ENCODE),
        ("postgresql://u:%ff@h/d", "percent-encoded bytes that are not UTF-8", ""),
        ("postgresql://u:%00@h/d", "a NUL character (%00)", ""),
        ("postgresql://u:s3 cr3t@h/d", "holds a blank", "write a blank inside a URL as %20, and nothing after the URL"),
        ("postgresql://u:s3cr3t", "the port is not a number",
         f"{ITS_FORMAT}; if it is a password, then @HOST is missing behind it"),
        ("postgresql://u:s3cr3t@h:x/d", "the port is not a number",
         f"{ITS_FORMAT}; if it is a password, then @HOST is missing behind it"),
        ("postgresql://h:٣/d", "the port is not a number",
         f"{ITS_FORMAT}; if it is a password, then @HOST is missing behind it"),
        ("postgresql://h:65536/d", "the port is not between 1 and 65535", ""),
        ("postgresql://::1/d", "the port is not a number",
         f"{ITS_FORMAT}; if it is a password, then @HOST is missing behind it"),
        ("postgresql://[::1/d", "the host is no host name", "an IPv6 address stands in brackets: [::1]"),
        ("postgresql://u:s3cr3t@h/d/e", 'a "/" in the name of the database',
         "nothing follows the database but ?parameters; / is %2F"),
        ("host=a,b,c port=1,2 dbname=d", "2 ports for 3 hosts", ""),
        ("host=h dbname=d password='s3cr3t", PAIRS, ""),
        (FORMAT, "still holds USER where the real user belongs", ITS_FORMAT),
        ("postgresql://u:PASSWORD@h/d", "still holds PASSWORD where the real password belongs", ITS_FORMAT),
        ("postgresql://u:p@<host>:<port>/d", "still holds a placeholder where the real host belongs", ITS_FORMAT),
        ("postgresql://u:[YOUR-PASSWORD]@h/d", "still holds a placeholder where the real password belongs", ITS_FORMAT),
        ("postgresql://h/d?sslmod=require", 'unknown parameter "sslmod"; did you mean "sslmode"?', KEYWORDS),
        ("postgresql://h/d?s3cr3t=x", "unknown parameter", KEYWORDS),
        ("postgresql://h/d?sslmode=requird", "sslmode is none of disable, allow, prefer, require, verify-ca, verify-full; "
         'did you mean "require"?', ""),
        ("postgresql://h/d?ssl=s3cr3t", "ssl is none of disable, allow, prefer, require, verify-ca, verify-full", ""),
        ("postgresql://h/d?sslmode=disable&ssl=true", "ssl and sslmode contradict each other", "keep sslmode"),
        ("postgresql://h/d?port=1&port=2", 'parameter "port" is given twice', ""),
        ("postgresql://h/d?sslmode", "a parameter without a value after the ?",
         "its form is ?keyword=value&keyword=value"),
        ("embedded:///", "names no database", EMBEDDED),
        ("embedded://host/x", "an embedded URL holds a role and a database, nothing else", EMBEDDED),
        ("embedded://u:s3cr3t@/x", "an embedded URL holds a role and a database, nothing else", EMBEDDED),
        ("embedded:///x?sslmode=require", "an embedded URL holds a role and a database, nothing else", EMBEDDED),
        ("embedded:///" + "x" * 64, "a name longer than 63 bytes, which PostgreSQL would cut", EMBEDDED),
    ],
)  # fmt: skip
def test_common_mistakes_get_one_sentence(url: str, fact: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_url(url, name="url (X)", at=Location("environments/x.yaml", 1, 6))
    assert (str(caught.value), caught.value.hint) == (f"environments/x.yaml:1:6: url (X): {fact}", hint)
    assert "s3cr3t" not in str(caught.value) + caught.value.hint


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), st.text(max_size=200))
def test_any_text_is_a_target_or_one_error_without_a_traceback(password: str, tail: str) -> None:
    for url in (
        f"postgresql://u:{password}@h/d",
        f"postgresql://u:{tail}",
        tail,
        f"host=h dbname=d password={password}",
    ):
        with contextlib.suppress(ConfigError):
            assert parse_url(url).dbname


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0*"), min_size=9))
def test_an_encoded_password_comes_back_and_is_not_shown(password: str) -> None:
    target = parse_url(f"postgresql://u:{quote(password, safe='')}@h/d")
    assert target.params["password"] == password
    assert target.text == "postgresql://u:***@h/d"
    assert target.warnings == () or ":" in target.warnings[0]
