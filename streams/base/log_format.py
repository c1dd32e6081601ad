"""The log format: one JSON object a line on stderr."""

import logging
import os
import sys
from collections.abc import Mapping, Set
from datetime import datetime
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any

import msgspec

from streams.base.redaction import redact
from streams.base.transport import Partition

_STANDARD_ATTRIBUTES = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    "message",
    "taskName",
}


class JsonFormatter(logging.Formatter):
    """Formats a log record as one JSON object: time, level, logger, process id, message, and each
    field of `extra` as `json_value` writes it."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": os.getpid(),
            "message": json_value(record.getMessage()),
        }
        for name, value in record.__dict__.items():
            if name not in _STANDARD_ATTRIBUTES:
                line[name] = json_value(value)
        if record.exc_info:
            line["exception"] = json_value(self.formatException(record.exc_info))
        return msgspec.json.encode(line).decode()


DEPTH_MAX = 8
"""So deep are collections written; what is deeper, or contains itself, becomes "…"."""


def json_value(value: object, depth: int = 0) -> Any:
    """The value of a log field as plain JSON: a partition as "contact-log[0]", an enum member by
    its value, an exception, a path and bytes as text, collections by their items.

    Secrets in a text become ***. An object of any other type becomes its type's name, never its
    repr: a repr may hold a secret.
    """
    match value:
        case Enum():
            return json_value(value.value)
        case None | bool():
            return value
        case int() | float():
            return value + 0  # the plain number of a subclass
        case str() | PurePath():
            return redact(str(value).encode(errors="replace").decode())  # a path may not be UTF-8
        case bytes():
            return redact(value.decode(errors="replace"))
        case BaseException():
            return json_value(str(value) or type(value).__name__)
        case Partition():
            return f"{value.topic.value}[{value.number}]"
        case datetime() | Decimal():
            return str(value)
        case Mapping() | Set() | list() | tuple():
            return _json_collection(value, depth + 1) if depth < DEPTH_MAX else "…"
    return f"<{type(value).__name__}>"


def _json_collection(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        return {str(json_value(k, depth)): json_value(item, depth) for k, item in value.items()}
    items = [json_value(item, depth) for item in value]
    return sorted(items, key=str) if isinstance(value, Set) else items


def configure(level: str = "INFO") -> None:
    """Sets up logging for a process of the engine: its own loggers at `level`, those of libraries
    at WARNING."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("touchstream").setLevel(level)
