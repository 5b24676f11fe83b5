"""Tests of minerva_promote.vectors."""
