"""The tests of tests/test_46_rehearse_usage.py once more, against the tables of the shop."""

from tests.test_46_rehearse_usage import *  # noqa: F403
