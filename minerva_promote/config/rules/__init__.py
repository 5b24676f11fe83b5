"""Rules over a validated configuration that no single field can express."""
