"""The tests of tests/test_41_concurrency.py once more, against the tables of the shop."""

from tests.test_41_concurrency import *  # noqa: F403
