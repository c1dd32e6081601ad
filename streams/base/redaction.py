"""Removes secrets from a text before it reaches a terminal, a log or a file: the one rule for all
of them.

Secrets are the values of TOUCHSTREAM_* variables whose names are those of secrets, and everything
before the last `@` of an address or DSN: a password may contain `@`, `/` or `#` that should have
been written as %40, %2F or %23.
"""

import os
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

MASK = "***"
_SECRET_NAMES = ("PASSWORD", "SECRET", "TOKEN", "PEM", "DSN", "KEY")
_LENGTH_MIN = 4
"""A shorter value is not searched for: it would be found in words that are no secrets."""

_CREDENTIALS = re.compile(r"(\w://)\S*@")
_KEYWORD = re.compile(r"(password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)", re.IGNORECASE)
_PASSWORD_OF_URL = re.compile(r"://[^:]*?:(\S*)@")


def redact(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Returns `text` with *** in the place of each secret. `environment` is that of the process by
    default."""
    environment = os.environ if environment is None else environment
    secrets = {
        secret
        for name, value in environment.items()
        if name.startswith("TOUCHSTREAM_") and any(word in name for word in _SECRET_NAMES)
        for secret in _spellings(value)
        if len(secret) >= _LENGTH_MIN
    }
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _CREDENTIALS.sub(rf"\1{MASK}@", text)
    return _KEYWORD.sub(rf"\1{MASK}", text)


def _spellings(value: str) -> Iterator[str]:
    """The value, and the password in it if it is a DSN, as it is written and as it is meant."""
    yield value
    for password in _PASSWORD_OF_URL.findall(value):
        yield password
        yield unquote(password)
    for _, password in _KEYWORD.findall(value):
        yield password
        yield password.strip("'")
