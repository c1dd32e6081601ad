"""All messages of the internal logs, with the union, encoder and decoder of each log, and its keys.

This module is the one to import (`from schemas.internal import messages as m`): it re-exports every
message class. An event has a name in the past tense, an order an imperative. `cause` names the
public event behind a message as `source#id`.
"""

from collections.abc import Callable

import msgspec

from schemas.internal.announcements import (
    SWEEP_RULES,
    AddressReopened,
    CampaignAcknowledged,
    CampaignAnnounced,
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
decode_contact = msgspec.msgpack.Decoder(ContactMessage).decode
decode_dispatch = msgspec.msgpack.Decoder(DispatchMessage).decode
decode_campaign = msgspec.msgpack.Decoder(CampaignMessage).decode

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
