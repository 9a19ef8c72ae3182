"""The tests of tests/test_46_verify_usage.py once more, against the tables of the shop."""

from tests.test_46_verify_usage import *  # noqa: F403
