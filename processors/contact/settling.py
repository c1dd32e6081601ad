"""What follows every change of a contact: replies that were kept for a wait, and the counts of
campaigns."""

from processors.contact import run_counts
from processors.contact.context import Context
from processors.contact.replies_conversions import settle_replies


def settle(context: Context) -> None:
    """Ends the handling of a record or timer of a contact."""
    settle_replies(context)
    run_counts.settle(context)
