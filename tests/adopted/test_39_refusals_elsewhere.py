"""The tests of tests/test_39_refusals.py once more, against the tables of the shop."""

from tests.test_39_refusals import *  # noqa: F403
