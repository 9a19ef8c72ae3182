"""Ending a command with a sentence and an exit code, never with a stack trace."""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import psycopg

from app.errors import REFUSED, USAGE, Problem, explain
from app.terminal import say

P = ParamSpec("P")
R = TypeVar("R")


def sentences(command: Callable[P, R]) -> Callable[P, R]:
    """Print what went wrong for a person; the exit codes are those of app.errors."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except psycopg.Error as error:
            problem = explain(error)
        except Problem as error:
            problem = error
        except UnicodeError:
            problem = Problem("The input is not valid UTF-8", USAGE)
        except BrokenPipeError:
            raise
        except OSError as error:
            problem = Problem(f"{error.filename or 'This machine'}: {error.strerror}", REFUSED)
        say(f"billing: {problem}", err=True)
        sys.exit(problem.exit_code)

    return wrapped
