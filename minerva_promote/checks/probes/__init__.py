"""Checks that run searches: recall, latency, query plans and golden queries."""
