"""Why a server could not be reached, in one sentence, with a hint."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from minerva_promote.errors import TargetError

if TYPE_CHECKING:
    from minerva_promote.config.connection_url import Target

# Messages of libpq and of the server (their English texts, releases 15 to 18), with our message and hint.
_CAUSES = (
    (  # the server answers both alike, so that nobody can find out which roles exist
        r'password authentication failed for user "([^"]*)"',
        "wrong password for {0}, or the role does not exist yet",
        "correct the password in the URL, or create the role: promote setup --env {environment}",
    ),
    (r"no password supplied", "the server wants a password", "put it into the URL or into ~/.pgpass"),
    (
        r'role "([^"]*)" does not exist',
        "the role {0} does not exist",
        "create it: promote setup --env {environment}",
    ),
    (
        r'database "([^"]*)" does not exist',
        "the database {0} does not exist",
        "create it: promote setup --env {environment}",
    ),
    (
        r'role "([^"]*)" is not permitted to log in',
        "the role {0} may not log in",
        "declare it with login: true and run promote setup --env {environment}",
    ),
    (
        r'permission denied for database "([^"]*)"',
        "this role may not connect to {0}",
        "grant it CONNECT: promote setup --env {environment}",
    ),
    (
        r"Connection refused|No such file or directory",
        "no server answers at {where}",
        "start it, or correct host and port",
    ),
    (
        r"[Pp]eer authentication failed for user \"([^\"]*)\"",
        "the server takes {0} only from the system's user of that name",
        "use host=localhost and a password, or run as that user",
    ),
    (r"could not translate host name|Name or service not known", "the host {host} is not known", "correct the host"),
    (r"timeout expired|timed out|Connection timed out", "{where} did not answer in time", "check network and firewall"),
    (r"Network is unreachable|No route to host", "{where} cannot be reached", "check network and firewall"),
    (
        r"no pg_hba.conf entry",
        "the server does not let this client in",
        "add it to pg_hba.conf, or use sslmode=require",
    ),
    (r"server does not support SSL", "the server does not speak SSL", "use sslmode=prefer where that is safe"),
    (r"certificate verify failed|root certificate", "the server's certificate is not trusted", "set sslrootcert"),
    (r"too many clients|remaining connection slots", "the server has no free connection", "try again later"),
    (
        r"[Hh]ot standby mode is disabled",
        "{where} is a standby that takes no connections",
        "use the primary server's address, or set hot_standby = on there",
    ),
    (
        r"starting up|shutting down|in recovery mode|not yet accepting connections|not accepting connections",
        "the server is not ready yet",
        "try again in a moment",
    ),
    (
        r"closed the connection unexpectedly|Connection reset",
        "{where} broke the connection off",
        "look at the server's log; is it PostgreSQL that answers there?",
    ),
)


def connection_error(target: Target, environment: str, error: BaseException) -> TargetError:
    """The exception for a connection that could not be made; never shows the password."""
    message = " ".join(str(error).split())
    params = target.params
    host = params.get("host") or params.get("hostaddr") or "the default socket"
    where = host if host.startswith("/") else f"{host}:{params.get('port') or 5432}"
    for pattern, fact, hint in _CAUSES:
        if match := re.search(pattern, message):
            names = {"where": where, "host": host, "environment": environment or "ENV"}
            return TargetError(
                f"{target.redacted()}: {fact.format(*match.groups(), **names)}", hint=hint.format(**names)
            )
    password = params.get("password")
    if password:
        message = message.replace(password, "***")
    return TargetError(f"{target.redacted()}: {message}", hint="promote env ping --env " + (environment or "ENV"))
