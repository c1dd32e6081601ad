"""All messages of the internal logs, with the union, encoder and decoder of each log, and its keys.

This module is the one to import (`from schemas.internal import messages as m`): it re-exports every
message class. An event has a name in the past tense, an order an imperative. `cause` names the
public event behind a message as `source#id`.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, get_args

import msgspec

from schemas.base.error_codes import NotReadable
from schemas.internal.announcements import (
    SWEEP_RULES,
    AddressReopened,
    CampaignAcknowledged,
    CampaignAnnounced,
    CampaignGateAnnounced,
    CampaignLimitsAnnounced,
    CountsRequested,
    PoolAnnounced,
    RunsCounted,
    RunsMoved,
    SenderAnnounced,
    SenderComplained,
    SenderThrottled,
    SenderUsed,
    StatusAnnounced,
    SweepTurn,
    TemplateGone,
    TenantAnnounced,
    WinnerAcknowledged,
    WinnerAnnounced,
)
from schemas.internal.campaign_messages import (
    ChangeCampaign,
    DeleteTemplate,
    DeleteTenant,
    MoveRuns,
    PauseByFailures,
    PublishCampaign,
    RemoveSender,
    ReopenAddress,
    ReportComplaints,
    ReportUsage,
    ThrottleSender,
    UpsertPool,
    UpsertSender,
    UpsertTenant,
)
from schemas.internal.contact_messages import (
    BOUNCE_RULES,
    CONVERSION_RULES,
    RESPONSE_RULES,
    BackfilledEvent,
    CallEnded,
    CallProgressed,
    CallRequested,
    CallReviewed,
    ConnectionAccepted,
    ContactEnrolled,
    ContactErased,
    ContactPaused,
    ContactReplied,
    ContactResubscribed,
    ContactResumed,
    ContactStopped,
    ContactUnsubscribed,
    ContactUpserted,
    ConversionRecorded,
    EventUnsupported,
    ExternalEvent,
    JobCompleted,
    JobDeleted,
    Message,
    Person,
    ReviewReceived,
    Tick,
    TouchBounced,
    TouchFailed,
    TouchSeen,
    TouchSent,
    Window,
)
from schemas.internal.dispatch_messages import (
    AmendTouch,
    CallLost,
    CallReported,
    CallTerms,
    DispatchAnswer,
    LiftSuppression,
    RequestTouch,
    SenderOutcome,
    ShareSuppressions,
    SuppressAddress,
    SuppressionsShared,
    TouchCommanded,
    TouchDeferred,
    TouchRefused,
    TouchRevoked,
    TouchWithdrawn,
    WithdrawTouch,
)
from schemas.internal.outputs import CommandDue, CommandRevoked, DeadLetter
from schemas.internal.topics import Topic

ContactMessage = (
    JobCompleted
    | JobDeleted
    | ContactUpserted
    | ContactEnrolled
    | ContactStopped
    | ContactErased
    | TouchSent
    | TouchFailed
    | TouchSeen
    | TouchBounced
    | ContactUnsubscribed
    | ReviewReceived
    | EventUnsupported
    | ContactPaused
    | ContactResumed
    | ContactReplied
    | ConnectionAccepted
    | ConversionRecorded
    | CallEnded
    | BackfilledEvent
    | TouchCommanded
    | TouchDeferred
    | TouchRefused
    | TouchWithdrawn
    | TouchRevoked
    | TenantAnnounced
    | CampaignAnnounced
    | StatusAnnounced
    | TemplateGone
    | RunsMoved
    | ContactResubscribed
    | AddressReopened
    | CallProgressed
    | CallReviewed
    | CallRequested
    | CallLost
    | CountsRequested
    | WinnerAnnounced
    | SweepTurn
    | Tick
)
DispatchMessage = (
    RequestTouch
    | WithdrawTouch
    | AmendTouch
    | SuppressAddress
    | LiftSuppression
    | AddressReopened
    | TenantAnnounced
    | SenderAnnounced
    | SenderThrottled
    | SenderUsed
    | PoolAnnounced
    | CampaignLimitsAnnounced
    | CampaignGateAnnounced
    | CallReported
    | ShareSuppressions
    | SuppressionsShared
    | SenderOutcome
    | SenderComplained
    | Tick
)
CampaignMessage = (
    PublishCampaign
    | ChangeCampaign
    | DeleteTemplate
    | UpsertTenant
    | DeleteTenant
    | ReopenAddress
    | CampaignAcknowledged
    | MoveRuns
    | UpsertSender
    | RemoveSender
    | ThrottleSender
    | ReportUsage
    | UpsertPool
    | RunsCounted
    | PauseByFailures
    | ReportComplaints
    | WinnerAcknowledged
    | Tick
)

encode = msgspec.msgpack.Encoder().encode


def _decoder(kinds: Any) -> Callable[[bytes], Any]:
    """The function that decodes the messages of a log. It raises NotReadable for a kind of message,
    a value or a field that a later version has added: these cannot be ignored, because the states
    would lose them. It raises msgspec.DecodeError for bytes that are no message at all."""
    decode = msgspec.msgpack.Decoder(kinds).decode
    heads = {kind: _head_of(kind) for kind in get_args(kinds)}

    def decode_message(data: bytes) -> Any:
        try:
            message = decode(data)
        except msgspec.ValidationError as error:
            raise NotReadable(f"a message that this version does not know: {error}") from error
        if data[:3] > heads[type(message)]:
            name = type(message).__name__
            raise NotReadable(f"a message {name} with fields that this version does not know")
        return message

    return decode_message


def _head_of(kind: type[Message]) -> bytes:
    """The greatest first three bytes of a message of this kind: the msgpack head of an array of its
    tag and its fields."""
    length = 1 + len(kind.__struct_fields__)
    if length < 16:
        return bytes((0x90 + length, 0xFF, 0xFF))
    return b"\xdc" + length.to_bytes(2, "big")


decode_contact: Callable[[bytes], ContactMessage] = _decoder(ContactMessage)
decode_dispatch: Callable[[bytes], DispatchMessage] = _decoder(DispatchMessage)
decode_campaign: Callable[[bytes], CampaignMessage] = _decoder(CampaignMessage)

DECODE: dict[Topic, Callable[[bytes], Message]] = {
    Topic.CONTACT_LOG: decode_contact,
    Topic.DISPATCH_LOG: decode_dispatch,
    Topic.CAMPAIGN_LOG: decode_campaign,
}
"""The decoder of each internal log."""

PLATFORM = "*"
"""Stands in the place of a tenant for what belongs to the platform."""

SWEEP_KEY = b"*"
"""The key of a SweepTurn."""

TICK = encode(Tick())
"""An encoded tick."""


def contact_key(tenant_id: str, contact_id: str) -> bytes:
    """The key of a contact on contact-log, commands and facts. It is unique, because a tenant id
    contains no slash."""
    return f"{tenant_id}/{contact_id}".encode()


@lru_cache(maxsize=4096)
def account_key(tenant_id: str, channel: str) -> bytes:
    """The key of dispatch-log: limits hold for one channel of one tenant (F-11)."""
    return f"{tenant_id}/{channel}".encode()


def pool_key(pool_id: str) -> bytes:
    """The key of dispatch-log for a call pool, which all tenants share (C-20). States of a tenant
    in a pool have the tenant in their own keys."""
    return f"{PLATFORM}/{pool_id}".encode()


def dispatch_key(tenant_id: str, channel: str, pool_id: str) -> bytes:
    """The key of dispatch-log for a request: its call pool, or its account where it has none."""
    return pool_key(pool_id) if pool_id else account_key(tenant_id, channel)
