"""Checks: named SQL assertions with a threshold, and probes that measure a search."""
