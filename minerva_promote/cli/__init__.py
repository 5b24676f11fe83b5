"""The command line: every module reads options, calls one function and prints its result."""
