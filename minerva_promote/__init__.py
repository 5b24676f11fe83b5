"""promote: move curated knowledge between PostgreSQL + pgvector databases, and prove that it was safe."""

__version__ = "0.1.0"
