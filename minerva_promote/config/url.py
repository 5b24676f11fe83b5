"""Former place of connection_url; env.py files that promote init wrote before 2026-12 import it from here."""

from minerva_promote.config.connection_url import FORMAT, parse_url

__all__ = ["FORMAT", "parse_url"]
