"""The tests of tests/test_45_run_usage.py once more, against the tables of the shop."""

from tests.test_45_run_usage import *  # noqa: F403
