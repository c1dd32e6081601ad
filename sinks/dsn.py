"""A DSN is looked at before it is used: the driver's own complaint would quote it, password and
all."""

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict


def is_dsn(text: str) -> bool:
    """Whether PostgreSQL's client can read `text`. An `@` in the host is one of the password that
    was not written `%40`, and the rest of the password with it."""
    try:
        host = conninfo_to_dict(text).get("host")
    except ProgrammingError:
        return False
    return "@" not in str(host)
