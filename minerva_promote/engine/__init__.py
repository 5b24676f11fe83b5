"""The run: one connection, one lock, one transaction, and a gate that closes before COMMIT."""
