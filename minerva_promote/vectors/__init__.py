"""Vector search: measured, judged, and made healthy."""
