"""The check of a DSN before the driver gets it, because the driver's error message would quote the
DSN, or a part of its password as the name of a host."""

import re

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

_URI = re.compile(r"[a-z]+://([^/?]*)(.*)", re.DOTALL)


def is_dsn(text: str) -> bool:
    """Whether libpq can parse `text` as a connection string, and it can be read in one way only.

    A URI may contain one `@`, before its first `/` or `?`. Any other one belongs to a password
    whose `@`, `/` or `?` was not written as `%40`, `%2F` or `%3F`: libpq would take the rest of the
    password for the host.
    """
    uri = _URI.match(text)
    if uri is not None and (uri[1].count("@") > 1 or "@" in uri[2]):
        return False
    try:
        host = conninfo_to_dict(text).get("host")
    except (ProgrammingError, UnicodeError):
        return False
    return "@" not in str(host)
