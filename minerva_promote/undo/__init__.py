"""Taking back exactly what a run added, and taking that back again."""
