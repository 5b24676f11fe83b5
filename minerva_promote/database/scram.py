"""Passwords of roles: what is sent to a server, and whether one is set already; never the password itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.server_errors import target_errors

_VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")


def scram(conn: Connection, role: str, password: str) -> str:
    """The SCRAM verifier of a password: the server and its log never see the password."""
    with target_errors(f"preparing the password of role {role}"):
        return conn.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()


def stored_verifier(conn: Connection, role: str) -> str | None:
    """What the server keeps of a role's password; only a superuser may ask."""
    rows = fetch(conn, b"SELECT rolpassword FROM pg_catalog.pg_authid WHERE rolname = %(role)s", {"role": role})
    return rows[0]["rolpassword"] if rows else None


def matches(verifier: str | None, password: str) -> bool:
    """True when a stored SCRAM verifier (RFC 5803) is that of the password."""
    parts = _VERIFIER.fullmatch(verifier or "")
    if parts is None:
        return False
    prepared = password if password.isascii() else unicodedata.normalize("NFKC", password)
    salted = hashlib.pbkdf2_hmac("sha256", prepared.encode(), base64.b64decode(parts[2]), int(parts[1]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), base64.b64decode(parts[3]))
