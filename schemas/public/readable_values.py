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

from schemas.base.provider_codes import plain_code
from schemas.channels import CHANNELS
from schemas.public.auto_reply import COUNTED, counts
from schemas.public.inbound_events import ContactReplied, TouchBounced, TouchFailed
from schemas.public.opt_out_replies import opt_out_method, word_of_reply

_TEXT_MAX, _HEADER_MAX, _CODE_MAX = 20_000, 2_000, 1_000
_NUMBER_MAX = 1_000_000
_KINDS = frozenset(("human", "automatic", "gone", "unsubscribe"))
_unfolded = re.compile(r"\r?\n[ \t]+").sub


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


def is_opt_out_reply(value: dict[str, Any]) -> bool:
    """Whether the values of a contact.replied, valid or not, are an opt-out."""
    channel, kind = value.get("channel"), _readable_kind(value.get("kind"))
    word = ""
    if isinstance(channel, str) and channel in CHANNELS:
        word = word_of_reply(channel, readable_text(value.get("text")))
    return opt_out_method(kind, word, readable_headers(value.get("headers"))) is not None


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


def _readable_kind(value: Any) -> str | None:
    kind = value.strip().lower() if isinstance(value, str) else ""
    return kind if kind in _KINDS else None


READABLE: dict[type[BaseModel], dict[str, Callable[[Any], Any]]] = {
    ContactReplied: {
        "text": readable_text,
        "headers": readable_headers,
        "kind": _readable_kind,
    },
    TouchFailed: {"code": _readable_code, "detail": readable_text},
    TouchBounced: {
        "reason": readable_text,
        "enhanced_code": _readable_code,
        "smtp_code": _readable_code,
    },
}
"""The fields that are read again if they are invalid, each with the function that returns a valid
value, or None where nothing can be read."""
