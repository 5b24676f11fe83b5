"""What is known about a target before the first row is written."""
