"""The tests of tests/test_46_outages.py once more, against the tables of the shop."""

from tests.test_46_outages import *  # noqa: F403
