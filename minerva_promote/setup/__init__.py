"""Preparing an environment: database, roles, privileges, ledger and migrations."""
