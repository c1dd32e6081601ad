"""How a person stands in an outreach campaign (S4-39, C-13), derived from the run: the one rule of
the tables in PostgreSQL and of the command line.

The status is the highest of the facts about the run in a fixed order, so that it does not depend on
the order in which they arrive. An opt-out and a bounce that closed the address stand above it until
a conversion.
"""

from typing import Literal

from schemas.internal.enrollment import Enrollment

OutreachStatus = Literal[
    "pending", "sent", "opened", "responded", "converted", "bounced", "unsubscribed"
]


def outreach_status(run: Enrollment) -> OutreachStatus:
    """The status of a person in a campaign. A click shows that the message was opened."""
    results, touches = run.results, run.touches
    if run.converted_at is not None:
        return "converted"
    if results is not None:
        if results.opted_out_at is not None:
            return "unsubscribed"
        if results.bounced_at is not None:
            return "bounced"
        if results.responded_at is not None:
            return "responded"
    if any(touch.opened_at is not None or touch.clicked_at is not None for touch in touches):
        return "opened"
    return "sent" if any(touch.sent_at is not None for touch in touches) else "pending"
