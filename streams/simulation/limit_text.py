"""The text of a summary about calls, sender accounts and waiting touches; nothing without them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from streams.simulation.quantiles import SummaryRow
from streams.simulation.text_tables import field_rows, short_hour, titled_table

ACCOUNT_ROWS_MAX = 24
_WINDOW_HEADS = {
    "hour": "hour#",
    "day": "day#",
    "week": "7 days#",
    "month": "30 days#",
    "warm_up": "warm-up day#",
}


def limit_lines(summary: SummaryRow, width: int) -> Iterator[Text]:
    """Yields the tables of the parts that the summary has."""
    calls = summary.get("calls")
    if calls is not None:
        yield from titled_table("Calls against slots", *_pools(calls), width)
        heads = ("outcome", "calls#", "share#")
        yield from titled_table("Outcomes of calls", heads, _outcomes(calls), width)
        yield from titled_table("Turns of tenants", *_tenants(calls), width)
    if "accounts" in summary:
        title = "Sender accounts against limits"
        yield from titled_table(title, *_accounts(summary["accounts"]), width)
    if "waits" in summary:
        title = "Minutes from request to command"
        yield from titled_table(title, *_waits(summary), width)


def _pools(calls: SummaryRow) -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    heads = ("pool", "slots#", "calls#", "most at once#", "hours in use#", "expired#", "overruns#")
    fields = ("pool_id", "slots", "granted", "most_at_once", "hours_in_use", "expired", "overruns")
    return heads, field_rows(calls["pools"], fields)


def _outcomes(calls: SummaryRow) -> Iterator[Sequence[object]]:
    counts: Counter[str] = Counter()
    for row in calls["outcomes_by_hour"]:
        counts[row["outcome"]] += row["calls"]
    total = sum(counts.values())
    for outcome, number in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        yield outcome, number, f"{100 * number / total:.1f} %"


def _tenants(calls: SummaryRow) -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    heads = ("tenant", "pool", "weight#", "calls#", "share#", "hours in use#")
    return heads, (
        (
            row["tenant_id"],
            row["pool_id"],
            row["weight"],
            row["granted"],
            f"{100 * row['share']:.1f} %",
            row["hours_in_use"],
        )
        for row in calls["tenants"]
    )


def _accounts(rows: Sequence[SummaryRow]) -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Returns one row for each account and action, with a column for each kind of limit that some
    account has."""
    used = {limit["window"] for row in rows for limit in row["limits"]}
    windows = [name for name in _WINDOW_HEADS if name in used]
    spacing = ["spacing, s#"] if "spacing_seconds" in used else []
    columns = [_WINDOW_HEADS[name] for name in windows] + spacing
    heads = ("tenant", "account", "channel", "action", "commands#", *columns, "waited on", "times#")
    return heads, (_account(row, windows, bool(spacing)) for row in rows[:ACCOUNT_ROWS_MAX])


def _account(row: SummaryRow, windows: Iterable[str], spacing: bool) -> Sequence[object]:
    limits = {limit["window"]: limit for limit in row["limits"]}
    cells: list[object] = [row["tenant_id"], row["sender_id"], row["channel"], row["action"]]
    cells.append(row["commands"])
    for name in windows:
        limit = limits.get(name)
        cells.append(None if limit is None else f"{limit['most']:,} of {limit['limit']:,}")
    if spacing:
        gap = limits.get("spacing_seconds", {"least": None})
        cells.append(gap["least"] and f"{gap['least']:g} of {gap['limit']:,}")
    return [*cells, *next(iter(row["held"].items()), (None, None))]


def _waits(summary: SummaryRow) -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Returns how long touches waited, and when the most of them did at once."""
    most: dict[tuple[str, str], tuple[int, str]] = {}
    for row in summary["waiting_by_hour"]:
        key = _queue(row)
        if row["most"] > most.get(key, (0, ""))[0]:
            most[key] = row["most"], row["hour"]
    heads = ["tenant", "channel", "touches#", "median#", "nine of ten#", "longest#"]
    heads += ["most at once#", "in the hour"]

    def rows() -> Iterator[Sequence[object]]:
        for row in summary["waits"]:
            minutes = row["minutes"]
            number, hour = most[_queue(row)]
            times = (minutes["median"], minutes["nine_of_ten"], minutes["longest"])
            names = (row["tenant_id"], row["channel"], row["touches"])
            yield *names, *times, number, short_hour(hour)

    return heads, rows()


def compared_waits(summary: SummaryRow, width: int) -> Iterator[Text]:
    """Yields how long touches wait on this side and on the other one; nothing without waits."""
    other = {_queue(row): row["minutes"] for row in summary["against"]["summary"].get("waits", ())}
    both = [row for row in summary.get("waits", ()) if _queue(row) in other]
    heads = ["tenant", "channel"]
    heads += ["median#", "the other#", "nine of ten#", "the other#", "longest#", "the other#"]

    def rows() -> Iterator[Sequence[object]]:
        for row in both:
            pairs = (
                (row["minutes"][name], other[_queue(row)][name])
                for name in ("median", "nine_of_ten", "longest")
            )
            yield row["tenant_id"], row["channel"], *(value for pair in pairs for value in pair)

    if both:
        title = "Minutes to the command on both sides"
        yield from titled_table(title, heads, rows(), width)


def _queue(row: SummaryRow) -> tuple[str, str]:
    return row["tenant_id"], row["channel"]
