"""The table of call outcomes: what the words of telephony providers mean, and what each outcome
counts as (S3-22, F-17).

The word of the provider is kept beside the outcome. A word that the table does not have is
`unknown`: such a call may have happened, and is not made again by default.
"""

import re
from functools import lru_cache
from typing import NamedTuple


class CallOutcome(NamedTuple):
    """One row of the table."""

    name: str
    words: tuple[str, ...]
    """What providers call it, in lower case with underscores, and the statuses of SIP. The name
    itself is one of them."""

    reached: bool = False
    """Whether the person, or his or her voicemail, has got the call: the item is completed."""

    is_attempt: bool = True
    """Whether the call was made. A call that the provider had no capacity for was not."""

    is_failure: bool = False
    """Whether it counts for the pause of a campaign whose calls fail: something is wrong with the
    calls, and not with the person."""


CALL_OUTCOMES: dict[str, CallOutcome] = {
    row.name: row
    for row in (
        CallOutcome(
            "answered",
            (
                *("completed", "call_disconnected", "call_completed", "call_ended", "disconnected"),
                *("answer", "answered_by_human", "human", "human_answered", "connected"),
                *("success", "successful", "normal_clearing", "hangup", "hung_up", "user_hangup"),
                *("agent_hangup", "customer_ended_call", "assistant_ended_call"),
            ),
            reached=True,
        ),
        CallOutcome(
            "busy",
            ("user_busy", "line_busy", "customer_busy", "busy_here", "dial_busy", "486", "600"),
        ),
        CallOutcome(
            "no_answer",
            (
                *("noanswer", "not_answered", "unanswered", "no_reply", "no_user_response"),
                *("customer_did_not_answer", "did_not_answer", "dial_no_answer", "missed"),
                *("ring_timeout", "ringing_timeout", "no_pickup", "408", "480"),
            ),
        ),
        CallOutcome(
            "voicemail",
            (
                *("voice_mail", "voicemail_reached", "voicemail_left", "left_voicemail", "mailbox"),
                *("machine", "answering_machine", "machine_start", "machine_end_beep"),
                *("machine_end_silence", "machine_end_other", "machine_detected", "amd"),
            ),
            reached=True,
        ),
        CallOutcome("rejected", ("declined", "call_rejected", "decline", "refused", "603")),
        CallOutcome(
            "invalid_number",
            (
                *("invalid", "invalid_destination", "number_invalid", "bad_number", "wrong_number"),
                *("unallocated_number", "unassigned_number", "number_changed", "not_in_service"),
                *("invalid_number_format", "disconnected_number", "number_disconnected"),
                *("404", "410", "484", "604"),
            ),
        ),
        CallOutcome(
            "failed",
            (
                *("failure", "error", "call_failed", "dial_failed", "congestion", "network_error"),
                *("normal_temporary_failure", "service_unavailable", "carrier_error"),
                *("media_timeout", "unreachable", "sip_error", "internal_error"),
                *("500", "502", "503", "504"),
            ),
            is_failure=True,
        ),
        CallOutcome(
            "cancelled", ("canceled", "cancel", "originator_cancel", "call_canceled", "487")
        ),
        CallOutcome(
            "blocked",
            (
                "call_blocked",
                "number_blocked",
                "spam",
                "spam_blocked",
                "unwanted",
                "do_not_call",
                "607",
                "608",
            ),
        ),
        CallOutcome(
            "abandoned", ("abandon", "dropped", "call_dropped", "no_agent", "no_agent_available")
        ),
        CallOutcome("unknown", (), is_failure=True),
        CallOutcome(
            "provider_limit",
            (
                *("429", "http_429", "20429", "too_many_requests", "rate_limit", "rate_limited"),
                *("rate_limit_exceeded", "concurrency_limit", "concurrency_limit_reached"),
                *("concurrency_limit_exceeded", "no_available_channels", "queue_full"),
                *("quota_exceeded", "balance_low", "low_balance", "insufficient_balance"),
                *("insufficient_funds", "no_credit", "out_of_credit", "payment_required", "402"),
                *("no_valid_payment", "provider_limit_reached"),
            ),
            is_attempt=False,
        ),
    )
}
"""The outcomes of a call by name."""

UNKNOWN = "unknown"
"""The outcome of a call whose end nobody has reported, or reported with a word that no row has."""

REACHED = frozenset(name for name, row in CALL_OUTCOMES.items() if row.reached)
FAILURES = frozenset(name for name, row in CALL_OUTCOMES.items() if row.is_failure)
NO_ATTEMPT = frozenset(name for name, row in CALL_OUTCOMES.items() if not row.is_attempt)

_WORDS = {word: name for name, row in CALL_OUTCOMES.items() for word in (name, *row.words)}
_gap = re.compile(r"[\s_./:-]+").sub


@lru_cache(maxsize=4096)
def call_outcome(raw_status: str) -> str:
    """The outcome that a provider's word means, whatever its case and the signs between its parts:
    `No-Answer` is `no_answer`. A word that no row has is `unknown`."""
    return _WORDS.get(_gap("_", raw_status.strip()).strip("_").lower(), UNKNOWN)
