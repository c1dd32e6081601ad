"""What the present code decides otherwise than the recorded histories, on purpose.

Each entry is one difference that a replay finds: the contact, the kind of output, how it differs,
and the fields that differ. README.md of this folder has the reasons. Any other difference is a bug.
"""

from collections import Counter

Difference = tuple[str, str, str, tuple[str, ...]]

_REVOKED = ("WithdrawTouch", "NEW", ())
"""A command that nobody answers is revoked when its touch fails with no_answer."""

_SINCE = ("scheduled_at",)
"""A branch back to the first step counts the delay of that step from the end of the wait."""


def _of(contact: str, *differences: tuple[str, str, tuple[str, ...]]) -> list[Difference]:
    return [(contact, *difference) for difference in differences]


def has_other_state(history: str, key: bytes) -> bool:
    """Whether the state of a contact that an older version has stored differs from what the present
    code folds. A revoked command changes no state."""
    contact_id = key.decode(errors="replace").rpartition("/")[2]
    changed = {found[0] for found in DECIDED_OTHERWISE.get(history, ()) if found[1:] != _REVOKED}
    return contact_id in changed


DECIDED_OTHERWISE: dict[str, Counter[Difference]] = {
    "review": Counter(_of("p06", *[_REVOKED] * 3)),
    "prospecting": Counter(_of("p06", *[_REVOKED] * 3)),
    "repeat": Counter(_of("p08", *[_REVOKED] * 11)),
    "mixed": Counter(
        [
            *_of("ann", _REVOKED),
            # A new time zone was reported while the touch waited for the end of quiet hours.
            *_of("ben", ("RequestTouch", "UNLIKE", ("due_at", "expires_at"))),
            *_of("", ("AmendTouch", "NEW", ())),
            *_of("ben", *[("RequestTouch", "UNLIKE", _SINCE)] * 3),
            *_of("dua", *[("RequestTouch", "UNLIKE", _SINCE)] * 4),
        ]
    ),
}
