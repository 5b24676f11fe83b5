"""What a refusal of the server says about an attempt of --prove."""

from __future__ import annotations

import pytest
from psycopg import sql

from minerva_promote.database.savepoint_trial import TrialResult
from minerva_promote.database.server_errors import StatementError
from minerva_promote.grants.prove.attempt import NO_SUCH, Attempt


@pytest.mark.parametrize(
    ("target", "message", "refused"),
    [
        ("table public.books", 'relation "public.books" does not exist', True),
        ("table public.books", 'relation "books" does not exist', True),
        ("table public.books", "relation 17 does not exist.", False),
        ("table public.books", 'relation "pg_catalog.promote_no_such_object" does not exist', False),
        ("role somebody", "no such thing", True),
        ("database", "no such thing", False),
    ],
)
def test_an_object_that_was_dropped_meanwhile(target: str, message: str, refused: bool) -> None:
    """The attempt counts as refused only where its own target is what is missing."""
    attempt = Attempt("DROP", "DROP", target, "on tables", sql.SQL("select 1"), passed=NO_SUCH)
    assert attempt.refused(TrialResult(StatementError("42P01", message))) is refused
