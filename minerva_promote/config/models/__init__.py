"""Pydantic models of promote.yaml and of the files beside it."""
