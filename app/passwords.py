"""Passwords: one form however they were typed, hashed and checked here and nowhere else."""

import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import USAGE, Problem

HASHER = PasswordHasher()
"""argon2id with the library's current parameters; older hashes are renewed at the next sign-in."""


def prepared(password: str) -> str:
    """RFC 8265 OpaqueString: any space is a space, and é is one character on every keyboard."""
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password)
    return unicodedata.normalize("NFC", spaced)


def hashed(password: str) -> str:
    """What is stored of a password."""
    return HASHER.hash(prepared(password))


def verify(password_hash: str, password: str) -> bool:
    """Whether the password fits, prepared, or as it was typed where the hash is from before
    passwords were prepared; a broken hash fits nothing."""
    return any(_fits(password_hash, form) for form in dict.fromkeys((prepared(password), password)))


def renewed(password_hash: str, password: str) -> str | None:
    """A new hash where one that fits the password has outdated parameters or is of the raw form."""
    of_raw_form = prepared(password) != password and not _fits(password_hash, prepared(password))
    return hashed(password) if of_raw_form or HASHER.check_needs_rehash(password_hash) else None


def _fits(password_hash: str, form: str) -> bool:
    try:
        return HASHER.verify(password_hash, form)
    except (VerificationError, InvalidHashError):
        return False


@cache
def nobodys_hash() -> str:
    """A hash to check against where there is no user, so that both cases cost the same."""
    return HASHER.hash(secrets.token_urlsafe(16))


def require_good(email: str, password: str) -> None:
    """Problem unless the password is long enough, can be typed and is not made of the e-mail."""
    form = prepared(password)
    name = email.partition("@")[0].lower()
    if not 12 <= len(form) <= 200:
        raise Problem("A password needs 12 to 200 characters", USAGE)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in form):
        raise Problem("A password cannot contain control characters", USAGE)
    if len(set(form)) < 5 or (len(name) > 3 and name in form.lower()):
        raise Problem("That password is too easy to guess: choose unrelated words", USAGE)
