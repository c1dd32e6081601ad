"""The check of a DSN before the driver gets it, because the driver's error message would quote the
DSN with its password."""

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict


def is_dsn(text: str) -> bool:
    """Whether libpq can parse `text` as a connection string.

    A host with an `@` is refused: it is the rest of a password whose `@` was not written as `%40`.
    """
    try:
        host = conninfo_to_dict(text).get("host")
    except ProgrammingError:
        return False
    return "@" not in str(host)
