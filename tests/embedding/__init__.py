"""Tests of minerva_promote.embedding."""
