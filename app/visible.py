"""Text that others wrote, made safe to show: what has no shape of its own is spelled out.

Stored names, statuses, ids and errors may hold what moves a cursor, ends a line, turns the
direction of writing round or cannot be seen. Standard library only: app.embedded uses it, too.
"""

import re
import unicodedata

# What Python holds for printable although a terminal draws nothing (Unicode's
# Default_Ignorable_Code_Point), and the blank Braille pattern.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0000-\U000e0fff]"
)
_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Bidirectional classes of the characters that turn the text around them."""


def visible(text: str) -> str:
    """The text on one line, every control, bidi or other invisible character as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if _is_seen(character) else _escape(character) for character in text)


def tame(text: str) -> str:
    """The same for files: joiners and unusual spaces, which names need, are left as they are."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(character) if _acts(character) else character for character in text)


def _is_seen(character: str) -> bool:
    return character.isprintable() and not _INVISIBLE.match(character)


def _acts(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in _TURNS
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
