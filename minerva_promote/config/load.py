"""Former place of load_project; env.py files that promote init wrote before 2026-12 import it from here."""

from minerva_promote.config.load_project import find_root, load_project

__all__ = ["find_root", "load_project"]
