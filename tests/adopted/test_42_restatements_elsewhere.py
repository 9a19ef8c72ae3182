"""The tests of tests/test_42_restatements.py once more, against the tables of the shop."""

from tests.test_42_restatements import *  # noqa: F403
