"""The tests of tests/test_50_usage_views.py once more, against the tables of the shop."""

from tests.test_50_usage_views import *  # noqa: F403
