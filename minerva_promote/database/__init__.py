"""Everything that talks to PostgreSQL: sessions, the catalog, and the embedded server."""
