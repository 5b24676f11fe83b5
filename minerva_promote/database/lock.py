"""Former place of advisory_lock; env.py files that promote init wrote before 2026-12 import it from here."""

from minerva_promote.database.advisory_lock import LOCK_STATEMENT

__all__ = ["LOCK_STATEMENT"]
