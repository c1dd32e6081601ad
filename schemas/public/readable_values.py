"""What can still be read of an invalid value.

A text that is too long, headers in another form and the like decide who has written, whether a
person opts out, and whether an address exists. So they are looked at, and not only dropped. Valid
events never come here.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel
from pydantic_core import from_json

from schemas.base.priorities import parse_priority
from schemas.base.provider_codes import HARD, SOFT, plain_code
from schemas.public.auto_reply import COUNTED, counts
from schemas.public.inbound_events import (
    CallEnded,
    CallRequested,
    ContactReplied,
    TouchBounced,
    TouchClicked,
    TouchFailed,
    TouchOpened,
)

_TEXT_MAX, _HEADER_MAX, _CODE_MAX = 20_000, 2_000, 1_000
_NUMBER_MAX = 1_000_000
_OUTCOME_MAX = 200
_KINDS = frozenset(("human", "automatic", "gone", "unsubscribe"))
_BOUNCES = frozenset((HARD, SOFT))
_FLAGS: dict[bool, tuple[Any, ...]] = {True: ("true", 1), False: ("false", 0)}
_unfolded = re.compile(r"\r?\n[ \t]+").sub
_controls = re.compile(r"[\x00-\x1f\x7f]+").sub


def readable_text(value: Any) -> str | None:
    """A text without NUL, and cut to the length that may be kept; of a list of texts, its lines.
    None if there is no text."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = "\n".join(value)
    if not isinstance(value, str):
        return None
    return value.replace("\x00", "").strip()[:_TEXT_MAX] or None


def readable_headers(value: Any) -> dict[str, str] | None:
    """The headers that count (schemas/public/auto_reply.py), by their names in small letters; None
    if there are none.

    They may be a map, a list of pairs or of maps with `name` and `value`, or the lines of the
    message itself. Of several values of one header the first that states something is kept.
    """
    kept: dict[str, str] = {}
    for name, content in _headers_in(value):
        header = name.replace("\x00", "").strip(" \t\r\n:").lower()
        if header in COUNTED:
            for text in _texts_in(content):
                if header not in kept or not counts(header, kept[header]):
                    kept[header] = text
    return kept or None


def _headers_in(value: Any) -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            yield from value.items()
        case str() if value.lstrip()[:1] in ("[", "{") and (parsed := _parsed(value)) is not None:
            yield from _headers_in(parsed)
        case str():
            for line in _unfolded(" ", value).splitlines():
                name, _, content = line.partition(":")
                yield name, content
        case list():
            for part in value:
                match part:
                    case [str() as name, content] | {"name": str() as name, "value": content}:
                        yield name, content
                    case dict() | str():
                        yield from _headers_in(part)


def _parsed(text: str) -> Any:
    """The list or map of a JSON text, None if it is no JSON text."""
    try:
        return from_json(text)
    except ValueError:
        return None


def _texts_in(content: Any) -> Iterator[str]:
    match content:
        case str():
            yield content.replace("\x00", "").strip()[:_HEADER_MAX]
        case bool() | int():
            yield str(content).lower()
        case list():
            for part in content:
                if not isinstance(part, list):
                    yield from _texts_in(part)


def _readable_code(value: Any) -> str | None:
    """A provider's code out of its whole answer, which may have several lines."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _NUMBER_MAX:
        value = str(int(value))
    return plain_code(value[:_CODE_MAX]) if isinstance(value, str) else None


def _readable_outcome(value: Any) -> str | None:
    """The outcome of a call, which may be a number or have line breaks."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        return None
    return _controls(" ", text).strip()[:_OUTCOME_MAX] or None


def _readable_priority(value: Any) -> int | None:
    """A priority that was written as text (S3-11)."""
    return parse_priority(value) if isinstance(value, str) else None


def _readable_flag(value: Any) -> bool | None:
    text = value.strip().lower() if isinstance(value, str) else value
    return next((flag for flag, texts in _FLAGS.items() if text in texts), None)


def _one_of(words: frozenset[str]) -> Callable[[Any], str | None]:
    """The reader of a word out of a list, with capitals or blanks."""

    def read(value: Any) -> str | None:
        word = value.strip().lower() if isinstance(value, str) else ""
        return word if word in words else None

    return read


READABLE: dict[type[BaseModel], dict[str, Callable[[Any], Any]]] = {
    ContactReplied: {
        "text": readable_text,
        "headers": readable_headers,
        "kind": _one_of(_KINDS),
        "automatic": _readable_flag,
    },
    TouchOpened: {"automatic": _readable_flag},
    TouchClicked: {"automatic": _readable_flag},
    TouchFailed: {"code": _readable_code, "permanent": _readable_flag, "detail": readable_text},
    CallEnded: {"outcome": _readable_outcome},
    CallRequested: {"priority": _readable_priority},
    TouchBounced: {
        "bounce_type": _one_of(_BOUNCES),
        "reason": readable_text,
        "enhanced_code": _readable_code,
        "smtp_code": _readable_code,
    },
}
"""The fields that are read again if they are invalid, each with the function that returns a valid
value, or None where nothing can be read."""

CUT = frozenset(("text", "headers", "detail", "reason"))
"""The fields of which only a part is read."""
