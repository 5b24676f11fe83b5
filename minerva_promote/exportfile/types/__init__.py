"""Readers of the text of one type each: constants of a file become the bytes of PostgreSQL's binary protocol.

Every reader takes bytes, returns the wire form after the type's send function (PostgreSQL 18, src/backend/utils/adt;
pgvector 0.8), and raises ValueFault for what the server would refuse, round, cut off, or read by its settings or clock.
"""
