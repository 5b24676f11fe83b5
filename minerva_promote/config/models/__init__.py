"""Pydantic models of promote.yaml and of the files beside it."""

from minerva_promote.config.models.project import Timeouts

__all__ = ["Timeouts"]  # env.py files that promote init wrote before 2026-12 import it from here
