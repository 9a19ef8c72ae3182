"""The tests of tests/test_40_aggregate_usage.py once more, against the tables of the shop."""

from tests.test_40_aggregate_usage import *  # noqa: F403
