"""The roles that come with PostgreSQL, and what a member of them can do."""

from __future__ import annotations

from collections.abc import Mapping

UNKNOWN = "it comes with the server and allows what only administrators may do otherwise"

PREDEFINED: Mapping[str, str] = {
    "pg_checkpoint": "it may make the server write everything to disk, as often as it likes",
    "pg_create_subscription": "with CREATE on the database it subscribes to other servers, which then fill tables here",
    "pg_database_owner": "it is what the owner of the database is, who owns schema public",
    "pg_execute_server_program": "it runs programs on the server's machine as the server's user: COPY … PROGRAM",
    "pg_maintain": "it may lock, rewrite, reindex and vacuum every table and materialized view",
    "pg_monitor": "it reads every setting and all statistics, among them statements of other roles",
    "pg_read_all_data": "it reads every table, view and sequence in every schema, whatever is granted",
    "pg_read_all_settings": "it reads every setting, also those that are kept from ordinary roles",
    "pg_read_all_stats": "it reads all statistics, among them statements of other roles with their values",
    "pg_read_server_files": "it reads any file that the server can, among them keys and the tables' own files",
    "pg_signal_autovacuum_worker": "it may cancel the vacuuming of any table, again and again",
    "pg_signal_backend": "it may cancel the statements and end the sessions of every role that is no superuser",
    "pg_stat_scan_tables": "its monitoring functions hold locks on tables for as long as they take",
    "pg_use_reserved_connections": "it gets in when all ordinary connections are taken, and takes the reserved ones",
    "pg_write_all_data": "it inserts, updates and deletes in every table of every schema, whatever is granted",
    "pg_write_server_files": "it writes any file that the server can: with that, it becomes superuser",
}

PARTS: Mapping[str, tuple[str, ...]] = {  # memberships that come with the server
    "pg_monitor": ("pg_read_all_settings", "pg_read_all_stats", "pg_stat_scan_tables"),
}


def is_predefined(group: str) -> bool:
    """Whether PostgreSQL reserves the name for roles of its own."""
    return group.startswith("pg_")


def allows(group: str) -> str:
    """What a member of a predefined role can do, in a sentence about the member."""
    return PREDEFINED.get(group, UNKNOWN)
