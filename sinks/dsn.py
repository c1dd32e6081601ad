"""A DSN is looked at before it is used: the driver's own complaint would quote it, password and
all."""

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict


def is_dsn(text: str) -> bool:
    """Whether PostgreSQL's client can read `text`."""
    try:
        conninfo_to_dict(text)
    except ProgrammingError:
        return False
    return True
