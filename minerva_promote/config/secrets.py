"""Former place of variables; env.py files that promote init wrote before 2026-12 import it from here."""

from minerva_promote.config.variables import process_lookup

__all__ = ["process_lookup"]
