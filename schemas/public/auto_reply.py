"""Recognises automatic replies, such as out-of-office notes, by their headers (S4-54, RFC 3834)."""

from collections.abc import Mapping

_PRESENT = frozenset({"x-autoreply", "x-autorespond", "x-auto-response-suppress"})
"""Headers that mark an automatic reply with any value."""

_VALUES = {
    "precedence": ("auto_reply", "bulk", "junk", "list"),
    "x-precedence": ("auto_reply", "bulk", "junk", "list"),
}
"""Headers that mark an automatic reply with one of these values."""


def is_automatic(headers: Mapping[str, str]) -> bool:
    """Whether a message with these headers is an automatic reply. Case does not matter."""
    return any(
        _marks_automatic(name.strip().lower(), value.strip().lower())
        for name, value in headers.items()
    )


def _marks_automatic(name: str, value: str) -> bool:
    if name == "auto-submitted":
        return value.partition(";")[0].strip() != "no"
    return name in _PRESENT or value in _VALUES.get(name, ())
