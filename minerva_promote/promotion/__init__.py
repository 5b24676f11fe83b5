"""One promotion from an export file to a recorded result."""
