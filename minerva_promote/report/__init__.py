"""Results become text: the only part that knows what a terminal, or a program, wants to read."""
