"""Privileges of the roles that an environment declares."""
