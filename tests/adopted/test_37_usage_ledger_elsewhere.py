"""The tests of tests/test_37_usage_ledger.py once more, against the tables of the shop."""

from tests.test_37_usage_ledger import *  # noqa: F403
