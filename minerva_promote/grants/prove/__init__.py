"""Proof of declared privileges: statements tried as each role and rolled back."""
