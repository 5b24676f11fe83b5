-- Extensions by name: the version that the database has, and the one that the server would make.
SELECT n.name::text AS name, e.extversion::text AS version, a.default_version::text AS offered
FROM pg_catalog.unnest(%(names)s::text[]) AS n (name)
LEFT JOIN pg_catalog.pg_extension AS e ON e.extname = n.name
LEFT JOIN pg_catalog.pg_available_extensions AS a ON a.name = n.name
ORDER BY 1
