"""The priority of a queued call as a text (S3-11)."""

import re

PRIORITY_MAX = 1_000

_whole_number = re.compile(r"[+-]?[0-9]{1,6}").fullmatch


def parse_priority(text: str) -> int | None:
    """The priority that a text names: a whole number from -1000 to 1000, 0 for an empty text; None
    for any other text."""
    text = text.strip()
    if not text:
        return 0
    if _whole_number(text) is None:
        return None
    number = int(text)
    return number if abs(number) <= PRIORITY_MAX else None
