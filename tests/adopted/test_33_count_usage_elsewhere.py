"""The tests of tests/test_33_count_usage.py once more, against the tables of the shop."""

from tests.test_33_count_usage import *  # noqa: F403
