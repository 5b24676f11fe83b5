"""Migrations and setup of a target."""
