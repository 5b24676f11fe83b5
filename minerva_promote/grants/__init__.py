"""Roles and privileges of a database, compared with the declaration of an environment."""
