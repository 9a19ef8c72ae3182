"""The tests of tests/test_45_run_nightly.py once more, against the tables of the shop."""

from tests.test_45_run_nightly import *  # noqa: F403
