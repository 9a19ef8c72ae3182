"""The tests of tests/test_29_late_days.py once more, against the tables of the shop."""

from tests.test_29_late_days import *  # noqa: F403
