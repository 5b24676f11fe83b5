"""Rows into a database: binary, batched, and a verdict on every one of them."""
