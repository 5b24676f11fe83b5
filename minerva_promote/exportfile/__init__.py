"""The export file is data, not code: bytes become statements, literals, typed values and findings."""
