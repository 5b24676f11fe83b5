"""Connection parameters of libpq: their keywords, and keyword=value strings."""

from __future__ import annotations

import re
from collections.abc import Iterator

# of libpq 18, deprecated and debugging ones left out
_KEYWORDS = """
    application_name channel_binding client_encoding connect_timeout dbname fallback_application_name gssdelegation
    gssencmode gsslib host hostaddr keepalives keepalives_count keepalives_idle keepalives_interval krbsrvname
    load_balance_hosts max_protocol_version min_protocol_version oauth_client_id oauth_client_secret oauth_issuer
    oauth_scope options passfile password port require_auth requirepeer service ssl_max_protocol_version
    ssl_min_protocol_version sslcert sslcertmode sslcompression sslcrl sslcrldir sslkey sslmode sslnegotiation
    sslpassword sslrootcert sslsni target_session_attrs tcp_user_timeout user
    """
KEYWORDS = frozenset(_KEYWORDS.split())
SECRETS = frozenset({"password", "sslpassword", "oauth_client_secret"})
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

# URL parameters of drivers, pools and hosting services that libpq does not know: ignored with a warning
_FOREIGN = """
    async_fallback command_timeout connection_class connection_limit direct_tls echo executemany_batch_page_size
    executemany_mode future isolation_level loop max_cacheable_statement_size max_cached_statement_lifetime
    max_inactive_connection_lifetime max_overflow max_queries max_size min_size pgbouncer pool_max_size pool_min_size
    pool_pre_ping pool_recycle pool_size pool_timeout prepare_threshold prepared_statement_cache_size
    prepared_statement_name_func record_class server_settings statement_cache_size supa timeout
    """
FOREIGN = frozenset(_FOREIGN.split())

_PAIR = re.compile(
    r"(?P<key>[^\s=]+)\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'|(?P<unquoted>(?!')(?:[^\s\\]|\\.)*))(?:\s+|$)", re.DOTALL
)
_PAIRS_FORM = "not a list of keyword=value: a value with blanks or quotes stands in '…', with \\' for a quote"


def looks_like_pairs(text: str) -> bool:
    """True for ``host=… dbname=…``."""
    return re.match(r"\s*\w+\s*=", text) is not None


def pairs(text: str) -> Iterator[tuple[str, str]]:
    """Keywords and values of ``host=a dbname='b c'``. Raises ValueError, whose message never shows the text."""
    text = text.strip()
    position = 0
    while position < len(text):
        match = _PAIR.match(text, position)
        if match is None:
            raise ValueError(_PAIRS_FORM)
        value = match["unquoted"] if match["quoted"] is None else match["quoted"]
        yield match["key"], re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        position = match.end()
