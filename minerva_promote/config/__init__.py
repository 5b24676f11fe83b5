"""Configuration: YAML files and .env to frozen values, each with its location."""
