"""The tests of tests/test_47_explain_usage.py once more, against the tables of the shop."""

from tests.test_47_explain_usage import *  # noqa: F403
