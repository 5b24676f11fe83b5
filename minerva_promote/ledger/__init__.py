"""The append-only record of runs in the schema promote of a target."""
