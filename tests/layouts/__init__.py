"""Projects over other people's tables: no migrations of their own, keys and types of any kind."""
