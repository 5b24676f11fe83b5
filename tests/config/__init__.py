"""Configuration: no database needed."""
