"""The statements that write a projected table, generated from its entry in `tables.py`.

A batch goes through a temporary staging table of the same columns: COPY fills it, the merge
statement moves its rows into the table, and the commit empties it.
"""

from collections.abc import Iterable
from functools import cache

from psycopg import sql

from sinks.tables import TABLES, Merge, Table

_ASSIGNMENTS = {
    Merge.REPLACE: "{0} = excluded.{0}",
    Merge.FIRST: "{0} = coalesce(t.{0}, excluded.{0})",
    Merge.LATEST: "{0} = coalesce(excluded.{0}, t.{0})",
    Merge.EARLIEST: "{0} = least(t.{0}, excluded.{0})",
    Merge.SUM: "{0} = t.{0} + excluded.{0}",
}


def staging_name(table: Table) -> str:
    """The name of the table's staging table."""
    return f"in_{table.name}"


def stored(table: Table) -> sql.Identifier:
    """The table itself."""
    return sql.Identifier(*table.relation)


def mirror(table: Table) -> sql.Identifier:
    """The temporary table of a recount."""
    return sql.Identifier("pg_temp", table.name)


def create_staging(table: Table) -> sql.Composed:
    """The statement that creates the staging table, which lives as long as the connection."""
    statement = "CREATE TEMP TABLE {} ON COMMIT DELETE ROWS AS SELECT {} FROM {} WITH NO DATA"
    return sql.SQL(statement).format(
        sql.Identifier(staging_name(table)), names(table.columns), stored(table)
    )


def create_mirror(table: Table) -> sql.Composed:
    """The statement that creates the mirror, which hides a table of the same name."""
    return sql.SQL("CREATE TEMP TABLE {} (LIKE {}, PRIMARY KEY ({}))").format(
        sql.Identifier(table.name), stored(table), names(table.key)
    )


@cache
def copy_into(table: Table, target: str) -> bytes:
    """The statement that copies rows in binary form into a table with the columns of `table`."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(target), names(table.columns)
    )
    return statement.as_bytes()


@cache
def merge(table: Table, is_mirror: bool) -> bytes:
    """The statement that merges the staging table into the table or its mirror, by the rules of its
    columns.

    A row whose columns are all replaced is rewritten only where one of them has changed. Times are
    compared first: they are cheap to compare, and one of them has changed in almost every row.
    """
    insert = sql.SQL("INSERT INTO {0} AS t ({1}) SELECT {1} FROM {2}").format(
        mirror(table) if is_mirror else stored(table),
        names(table.columns),
        sql.Identifier(staging_name(table)),
    )
    if Merge.NEVER in table.merges:
        return insert.as_bytes()
    rules = {
        column: rule
        for column, rule in zip(table.columns, table.merges, strict=True)
        if column not in table.key and rule is not Merge.KEEP
    }
    assignments = [
        sql.SQL(_ASSIGNMENTS[rule]).format(sql.Identifier(column)) for column, rule in rules.items()
    ]
    upsert = sql.SQL("{} ON CONFLICT ({}) DO UPDATE SET {}").format(
        insert, names(table.key), sql.SQL(", ").join(assignments)
    )
    if set(rules.values()) == {Merge.REPLACE}:
        types = dict(zip(table.columns, table.types, strict=True))
        compared = sorted(rules, key=lambda column: types[column] != "timestamptz")
        upsert = sql.SQL("{} WHERE ({}) IS DISTINCT FROM ({})").format(
            upsert, names(compared, "t"), names(compared, "excluded")
        )
    return upsert.as_bytes()


@cache
def delete(table: Table, is_mirror: bool) -> bytes:
    """The statement that deletes rows by keys of texts. Its parameters are one array for each
    column of the key."""
    keys = sql.SQL(", ").join([sql.SQL("%s::text[]")] * len(table.key))
    statement = sql.SQL("DELETE FROM {} AS t USING unnest({}) AS b ({}) WHERE ({}) = ({})").format(
        mirror(table) if is_mirror else stored(table),
        keys,
        names(table.key),
        names(table.key, "t"),
        names(table.key, "b"),
    )
    return statement.as_bytes()


def truncate_all() -> sql.Composed:
    """The statement that empties every projected table."""
    tables = map(stored, TABLES.values())
    return sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(tables))


def names(columns: Iterable[str], relation: str | None = None) -> sql.Composed:
    """The columns, quoted and separated by commas; with `relation` in front of each."""
    prefix = () if relation is None else (relation,)
    return sql.SQL(", ").join(sql.Identifier(*prefix, column) for column in columns)
