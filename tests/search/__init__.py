"""Tests of minerva_promote.search."""
