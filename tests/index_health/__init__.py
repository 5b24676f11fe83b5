"""Tests of minerva_promote.index_health."""
