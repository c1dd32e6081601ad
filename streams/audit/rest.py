"""The state in which logs can be compared: everything is folded, and no topic grows."""

POLL_INTERVAL_S = 0.5
"""The time between two looks at topics that are not at rest yet."""


class NotAtRest(Exception):
    """The topics were not at rest in time, so nothing was compared. The message names what was
    moving."""
