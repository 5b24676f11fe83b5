"""Alembic revisions: where a database stands, what is pending, and applying it."""
