"""Vector indexes of a target: measured, judged, and rebuilt."""
