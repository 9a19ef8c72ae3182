"""The tests of tests/test_40_refusals.py once more, against the tables of the shop."""

from tests.test_40_refusals import *  # noqa: F403
