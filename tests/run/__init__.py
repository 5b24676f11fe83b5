"""Runs from the file to the target, on a real server; what reports say of them is compared whole."""

import pytest

pytest.register_assert_rewrite("tests.run.reports")
