"""The tests of tests/test_40_histories.py once more, against the tables of the shop."""

from tests.test_40_histories import *  # noqa: F403
