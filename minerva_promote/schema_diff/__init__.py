"""Two schemas, the differences between them, and which of those are declared."""
