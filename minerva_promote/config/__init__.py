"""Configuration: YAML files become frozen values, each with its place."""
