"""The tests of tests/test_46_usage_digest.py once more, against the tables of the shop."""

from tests.test_46_usage_digest import *  # noqa: F403
