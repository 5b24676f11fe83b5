-- Where we are: the server, the database, and what is asked of it.
SELECT
    pg_catalog.current_setting('server_version_num')::int AS version_num,
    pg_catalog.current_database()::text AS database,
    current_user::text AS role
