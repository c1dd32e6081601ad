"""Builders for the tests of sender accounts: an account with its terms, and a log with requests."""

from collections.abc import Iterable
from typing import Any

from processors.shared.limit_rules import GATHER_US
from schemas.base.times import DAY, HOUR, MINUTE, SECOND, MomentUs, parse_rfc3339
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal import messages as m
from schemas.internal.limit_terms import LimitTerms, SenderTerms
from schemas.internal.states import Sender
from tests.processors.dispatch.dispatch_log import DispatchLog, request
from tests.testing.builders import TENANT

MONDAY: MomentUs = parse_rfc3339("2026-03-02T09:00:00Z")
"""A Monday, 09:00 UTC."""

SPACED: dict[str, Any] = {"spacing_us": 10 * MINUTE}

OFFICE = StepWindow(9 * 60, 17 * 60)
WEEKDAYS = StepWindow(9 * 60, 17 * 60, 0b11111)


def account(
    sender_id: str = "a1",
    channel: str = "email",
    removed_at: int = 0,
    limits: dict[str, LimitTerms] | None = None,
    **terms: Any,
) -> m.SenderAnnounced:
    """An account; the terms that are those of limits hold for all actions."""
    of_limits = {name: terms.pop(name) for name in LimitTerms.__struct_fields__ if name in terms}
    sender = SenderTerms(
        sender_id,
        {"": LimitTerms(**of_limits)} if limits is None else limits,
        terms.pop("zone", "UTC"),
        **terms,
    )
    return m.SenderAnnounced(TENANT, channel, sender, removed_at, "e#1")


def waiting(number: int, **changes: Any) -> list[m.RequestTouch]:
    """So many requests, which never expire in a test."""
    fields: dict[str, Any] = {
        "expires_at": MONDAY + 900 * DAY,
        "action": "send_message",
        "due_at": MONDAY,
    }
    fields |= {"scheduled_at": MONDAY} | changes
    return [request(n, **fields | {"command_id": f"c{n:06}"}) for n in range(number)]


def times_of(log: DispatchLog) -> list[MomentUs]:
    """The moments of all commands, in order."""
    return log.commanded_at


def since_first(times: list[MomentUs], *places: int) -> list[str]:
    """When the n-th command went out after the first one, as days and time: `1 00:20:00`."""
    return [_text(times[place - 1] - times[0]) for place in places]


def _text(span: int) -> str:
    days, rest = divmod(span, DAY)
    hours, rest = divmod(rest, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    seconds, fraction = divmod(rest, SECOND)
    text = f"{days} {hours}:{minutes:02}:{seconds:02}"
    return text if not fraction else f"{text}.{fraction:06}"


def sent_by(log: DispatchLog) -> list[str | None]:
    """The account of each command, in order."""
    return [command.touch.sender_id for command in log.sent(m.CommandDue)]


def announced_limits(campaign_id: str, **limits: Any) -> m.CampaignLimitsAnnounced:
    """The limits of a campaign."""
    return m.CampaignLimitsAnnounced(TENANT, campaign_id, **limits)


def ids(touches: Iterable[m.RequestTouch]) -> list[str]:
    """The command ids of requests."""
    return [touch.command_id for touch in touches]


def log_of(*messages: m.Message, at: int = MONDAY) -> DispatchLog:
    """A log that has folded messages of one moment and what was gathered of it."""
    return DispatchLog(restarts=False).append(*messages, at=at).pass_time(at + GATHER_US)


def senders(log: DispatchLog) -> dict[str, Sender]:
    """The accounts of a log, by id."""
    return {state.terms.sender_id: state for state in log.states(Sender)}


def refused(log: DispatchLog) -> list[tuple[str, str]]:
    """The refused touches, each with its reason."""
    return [(answer.command_id, answer.reason) for answer in log.sent(m.TouchRefused)]
