"""The table of channels as docs/campaigns.md shows it.

`python -m schemas.base.channel_tables docs/campaigns.md` writes it there (`make generate`); a test
compares.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from schemas.base.generated_part import write_generated_part
from schemas.channels import ADDRESSES, ANY_CHANNEL_SIGNALS, CHANNELS

NAME = "channels"


def text() -> str:
    """Two tables in Markdown: channels with their actions and signals, and addresses."""
    channels = [
        (
            name if index == 0 else "",
            row.address.name if index == 0 else "",
            f"`{action}`",
            ", ".join((*signals, *ANY_CHANNEL_SIGNALS)),
            ("hold" if row.quiet_hours else "do not hold") if index == 0 else "",
            ", ".join(row.kinds) if index == 0 else "",
        )
        for name, row in CHANNELS.items()
        for index, (action, signals) in enumerate(row.actions.items())
    ]
    addresses = [
        (
            f"`{row.name}`",
            f"`{row.example}`",
            ", ".join(name for name, channel in CHANNELS.items() if channel.address is row),
            ", ".join(row.headings),
            str(row.characters_max),
        )
        for row in ADDRESSES.values()
    ]
    heads = ("channel", "address", "action", "signals", "quiet hours", "kinds of campaign")
    address_heads = (
        "address",
        "example",
        "used by",
        "other headings in a CSV file",
        "characters at most",
    )
    return _table(heads, channels) + "\n" + _table(address_heads, addresses)


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    write_generated_part(Path(sys.argv[1]), NAME, text())
