"""Connection URLs to libpq parameters. Messages about mistakes never show a password."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote, unquote_to_bytes

from minerva_promote.config import conninfo as libpq
from minerva_promote.config.suggest import did_you_mean
from minerva_promote.errors import ConfigError, Location

FORMAT = "postgresql://USER:PASSWORD@HOST:5432/DATABASE"

_ENCODE_HINT = "in a user name or password write @ as %40, / as %2F, : as %3A, # as %23, ? as %3F, % as %25"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*)://")
_PLACEHOLDER = re.compile(
    r"<[^<>]*>|\[YOUR[-_ ]\w*\]|YOUR_\w+|USER|USERNAME|PASSWORD|PASS|HOST|HOSTNAME|PORT|DATABASE|DBNAME|DB|ROLE|OWNER"
)
_SCHEMES = ("postgresql", "postgres")
_FOREIGN_SCHEMES = ("mysql", "mariadb", "sqlite", "oracle", "mssql", "mongodb", "redis", "http", "https", "ftp", "ssh")
_SSL = {"true": "require", "1": "require", "on": "require", "yes": "require", "false": "disable", "0": "disable"}


@dataclass(frozen=True, slots=True)
class Target:
    """Where and as whom to connect: a parsed connection URL."""

    text: str  # the URL with its secrets replaced
    params: Mapping[str, str] = field(repr=False)  # libpq keywords, ready for psycopg.connect(**params)
    embedded: bool
    dbname: str
    user: str | None
    warnings: tuple[str, ...] = ()  # "ssl=require read as sslmode=require"

    def redacted(self) -> str:
        """The URL with its secrets replaced, for reports."""
        return self.text

    def secrets(self) -> tuple[str, ...]:
        """The values of the URL that no output may contain."""
        return tuple(value for key, value in self.params.items() if key in libpq.SECRETS)


class _UrlError(Exception):
    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def parse_url(text: str, *, name: str = "url", at: Location | None = None) -> Target:
    """The target of a URL in one of libpq's forms, SQLAlchemy's, or ``embedded:///DATABASE``.

    Raises ConfigError, which begins with ``name``: ``url (PRODUCTION_DATABASE_URL): names no database``.
    """
    try:
        return _parse(text.strip())
    except _UrlError as mistake:
        raise ConfigError(f"{name}: {mistake.message}", at=at, hint=mistake.hint) from None


def _parse(text: str) -> Target:
    if not text:
        raise _UrlError("is empty", f"its format is {FORMAT}")
    if text[0] in "'\"":
        raise _UrlError("starts with a quote", "the quotes are not part of a URL: take them away")
    scheme = _SCHEME.match(text)
    if scheme is None:
        if libpq.looks_like_pairs(text):
            return _from_pairs(text)
        raise _UrlError("not a connection URL", f"its format is {FORMAT}")
    if re.search(r"\s", text):
        raise _UrlError("holds a blank", "write a blank inside a URL as %20, and nothing after the URL")
    rest, name = text[scheme.end() :], scheme[1].lower()
    if name == "embedded":
        return _embedded(rest)
    base, _, driver = name.partition("+")
    if base not in _SCHEMES:
        suggestion = did_you_mean(base, _SCHEMES, 0.8)
        scheme_text = (
            f"{base}://" if suggestion or base in _FOREIGN_SCHEMES else "what stands before ://"
        )  # else it may be a secret
        raise _UrlError(f"{scheme_text} is no PostgreSQL URL{suggestion}", f"its format is {FORMAT}")
    warnings = [f"{name}:// read as postgresql://"] if driver else []
    return _from_url(rest, warnings)


def _embedded(rest: str) -> Target:
    hint = "its format is embedded:///DATABASE, or embedded://ROLE@/DATABASE"
    match = re.fullmatch(r"(?:([^@/?#]*)@)?/([^/?#]*)", rest)
    if match is None or ":" in (match[1] or ""):
        raise _UrlError("an embedded URL holds a role and a database, nothing else", hint)
    user, dbname = _decode(match[1] or ""), _decode(match[2])
    if not dbname:
        raise _UrlError("names no database", hint)
    if max(len(user.encode()), len(dbname.encode())) > 63:
        raise _UrlError("a name longer than 63 bytes, which PostgreSQL would cut", hint)
    params = {"dbname": dbname} | ({"user": user} if user else {})
    return Target(f"embedded://{rest}", MappingProxyType(params), True, dbname, user or None)


def _from_url(rest: str, warnings: list[str]) -> Target:
    userinfo, hosts, path, query = _split(rest)
    user, _, password = userinfo.partition(":")
    params = {"user": _decode(user), "password": _decode(password), "dbname": _decode(path)}
    odd = sorted(set(password) & set(":#?[]{}"))
    if odd and not _PLACEHOLDER.fullmatch(password):
        characters = " and ".join(f'"{character}" (%{ord(character):02X})' for character in odd)
        warnings.append(f"the password holds {characters} unescaped: libpq reads it so, other programs may not")
    params["host"], params["port"] = _hosts(hosts)
    return _target(params, _query(query), warnings)


def _split(rest: str) -> tuple[str, str, str, str]:
    """User part, hosts, path and query, split as libpq splits. Raises _UrlError for unescaped special characters."""
    cut = re.search(r"[@/]", rest)
    userinfo, rest = (rest[: cut.start()], rest[cut.end() :]) if cut and cut[0] == "@" else ("", rest)
    before_query, _, query = rest.partition("?")
    hosts, _, path = before_query.partition("/")
    if "@" in hosts or ("@" in query and not re.search(r"=[^&]*@", query)):
        raise _UrlError('an unescaped "@" in the user name or password', _ENCODE_HINT)
    if "@" in path:
        raise _UrlError('an unescaped "/" or "@" in the user name or password', _ENCODE_HINT)
    if "#" in hosts:
        raise _UrlError('an unescaped "#" before the database', _ENCODE_HINT)
    if "/" in path:
        raise _UrlError('a "/" in the name of the database', "nothing follows the database but ?parameters; / is %2F")
    return userinfo, hosts, path, query


def _hosts(text: str) -> tuple[str, str]:
    """Hosts and ports as libpq takes them, joined by commas; ports are empty when there is none."""
    hosts, ports = [], []
    for part in text.split(","):
        match = re.fullmatch(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::(.*))?", part)
        if match is None:
            raise _UrlError("the host is no host name", "an IPv6 address stands in brackets: [::1]")
        hosts.append(_decode(match[1] or match[2] or ""))
        ports.append(match[3] or "")
    return ",".join(hosts), ",".join(ports) if any(ports) else ""


def _query(text: str) -> Iterator[tuple[str, str]]:
    for part in filter(None, text.split("&")):
        key, equals, value = part.partition("=")
        if not equals:
            raise _UrlError("a parameter without a value after the ?", "its form is ?keyword=value&keyword=value")
        yield _decode(key), _decode(value)


def _from_pairs(text: str) -> Target:
    try:
        return _target({}, iter(list(libpq.pairs(text))), [])
    except ValueError as error:
        raise _UrlError(str(error)) from None


def _target(params: dict[str, str], more: Iterator[tuple[str, str]], warnings: list[str]) -> Target:
    keys: set[str] = set()
    for written_key, written_value in more:
        key, value = written_key, written_value
        if key in keys:
            raise _UrlError(f'parameter "{key}" is given twice')
        keys.add(key)
        if key in libpq.FOREIGN:
            warnings.append(f"{key} ignored: a setting of another program, not of libpq")
            continue
        if key == "ssl":
            key, value = "sslmode", _SSL.get(written_value.lower(), written_value)
        if key not in libpq.KEYWORDS:
            suggestion = did_you_mean(key, libpq.KEYWORDS, 0.8) if re.fullmatch(r"\w{1,40}", key) else ""
            key_text = f' "{key}"' if suggestion else ""  # what is near no keyword may be the rest of a password
            hint = "the keywords are those of libpq: sslmode, connect_timeout …"
            raise _UrlError(f"unknown parameter{key_text}{suggestion}", hint)
        if key == "sslmode" and value not in libpq.SSL_MODES:
            suggestion = did_you_mean(value, libpq.SSL_MODES)
            raise _UrlError(f"{written_key} is none of {', '.join(libpq.SSL_MODES)}{suggestion}")
        if key == "sslmode" and params.get(key, value) != value:
            raise _UrlError("ssl and sslmode contradict each other", "keep sslmode")
        if written_key == "ssl":
            warnings.append(f"ssl={written_value} read as sslmode={value}")
        params[key] = value
    params = {key: value for key, value in params.items() if value}
    _check(params)
    return Target(
        text=_display(params),
        params=MappingProxyType(params),
        embedded=False,
        dbname=params["dbname"],
        user=params.get("user"),
        warnings=tuple(warnings),
    )


def _check(params: Mapping[str, str]) -> None:
    for key in ("user", "password", "host", "port", "dbname"):
        if (word := _PLACEHOLDER.fullmatch(params.get(key, ""))) is not None:
            placeholder = "a placeholder" if word[0][0] in "<[" else word[0]
            raise _UrlError(f"still holds {placeholder} where the real {key} belongs", f"its format is {FORMAT}")
    for port in params.get("port", "").split(","):
        if port and not re.fullmatch(r"[0-9]{1,5}", port):  # not shown: it may be the end of a password
            hint = f"its format is {FORMAT}; if it is a password, then @HOST is missing behind it"
            raise _UrlError("the port is not a number", hint)
        if port and not 1 <= int(port) <= 65535:
            raise _UrlError("the port is not between 1 and 65535")
    hosts, ports = params.get("host", "").split(","), params.get("port", "").split(",")
    if len(ports) not in (1, len(hosts)):
        raise _UrlError(f"{len(ports)} ports for {len(hosts)} hosts")
    if not params.get("dbname"):
        raise _UrlError("names no database", f"its format is {FORMAT}")


def _display(params: Mapping[str, str]) -> str:
    """The URL in its plain form, secrets left out."""
    user = quote(params.get("user", ""), safe="") + (":***" if "password" in params else "")
    hosts, ports = params.get("host", "").split(","), params.get("port", "").split(",")
    ports = ports if len(ports) == len(hosts) else ports * len(hosts)
    address = ",".join(
        (f"[{host}]" if ":" in host else quote(host, safe="")) + (f":{port}" if port else "")
        for host, port in zip(hosts, ports, strict=True)
    )
    rest = {k: v for k, v in params.items() if k not in ("user", "password", "host", "port", "dbname")}
    query = "&".join(f"{k}={'***' if k in libpq.SECRETS else quote(v, safe='/:,')}" for k, v in rest.items())
    at, mark, path = "@" if user else "", "?" if query else "", quote(params["dbname"], safe="")
    return f"postgresql://{user}{at}{address}/{path}{mark}{query}"


def _decode(text: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise _UrlError('a "%" without two hexadecimal digits behind it', _ENCODE_HINT)
    try:
        decoded = unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise _UrlError("percent-encoded bytes that are not UTF-8") from None
    if "\0" in decoded:
        raise _UrlError("a NUL character (%00)")
    return decoded
