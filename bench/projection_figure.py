"""The figure of the projection; `projection.py` has the workload."""

from time import perf_counter

import psycopg

from bench import projection
from bench.harness import database
from bench.report import Figure, rounded_median

TARGET = 30_000
COLUMNS = 12


def run(quick: bool = False) -> Figure:
    """Measures the projection and a COPY alone, in turn."""
    with database() as dsn:
        return _figure(dsn, 2_000 if quick else 6_000)


def _figure(dsn: str, contacts: int) -> Figure:
    speeds, copies = [], []
    for _ in range(3):
        rows, written, seconds = projection.measure(dsn, contacts)
        speeds.append(rows / seconds)
        copies.append(rows / _copy(dsn, rows))
    return Figure(
        name="projection",
        what="rows brought into PostgreSQL by one writer, places in the same transactions",
        value=rounded_median(speeds),
        unit="rows/s",
        target=TARGET,
        ratio=rounded_median(ours / bare for ours, bare in zip(speeds, copies, strict=True)),
        of="COPY of as many rows into a table without an index",
        runs=speeds,
        settings={"contacts": contacts, "rows": rows, "records a batch": 2_000},
        beside={
            "COPY alone, rows/s": rounded_median(copies),
            "rows left out, because they were as before": rows - written,
        },
    )


def _copy(dsn: str, rows: int) -> float:
    """Returns the seconds of a COPY of rows of the same width."""
    names = ", ".join(f"c{number} text" for number in range(COLUMNS))
    row = [f"value-of-column-{number}" for number in range(COLUMNS)]
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE bare ({names})".encode())
        began = perf_counter()
        with cursor.copy("COPY bare FROM STDIN") as copy:
            for _ in range(rows):
                copy.write_row(row)
        connection.commit()
        return perf_counter() - began
