"""Makes export files of any size and measures promote against psql, COPY and the full parser; see README.md here."""
