"""How senders and recipients react to a command of the demo.

Every reaction is drawn from a hash of ids. So a command gives the same reactions in every run, and
a retry, which has another command id, may give other ones.
"""

from hashlib import blake2b
from typing import Any, NamedTuple

from schemas.base.times import HOUR, MINUTE, SECOND
from schemas.public.command_models import TouchDue
from streams.demo import talent
from streams.demo.calls import call_reactions
from streams.demo.outreach import OUTREACH_CAMPAIGN_IDS, prospect_reactions


class SenderReaction(NamedTuple):
    """An event, `after_us` after the sender has received the command."""

    after_us: int
    ce_type: str
    fields: dict[str, Any]


def hash_fraction(question: str, subject: str) -> float:
    """Returns a number in [0, 1), evenly distributed over the subjects; the same for the same
    arguments."""
    digest = blake2b(f"{question}\x1f{subject}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def is_lost(command: TouchDue) -> bool:
    """Whether the sender crashes with this command and does not answer, so that the engine repeats
    it (S0-5)."""
    return command.touch_number == 1 and hash_fraction("lost", command.command_id) < 0.004


def reactions_to(command: TouchDue) -> list[SenderReaction]:
    """Returns all reactions to a command in order of time."""
    at = _send_delay_us(command)
    if command.call is not None:
        sent = SenderReaction(at, "touch.sent", {})
        return [sent, *(SenderReaction(*one) for one in call_reactions(command, at, hash_fraction))]
    failure = _failure(command)
    if failure is not None:
        return [SenderReaction(at, "touch.failed", {"code": failure})]
    sent = SenderReaction(at, "touch.sent", {"provider_message_id": f"m-{command.command_id[:13]}"})
    bounce = _bounce(command)
    if bounce is not None:
        fields = {"bounce_type": bounce, "reason": f"a {bounce} bounce"}
        return [sent, SenderReaction(at + 3 * MINUTE, "touch.bounced", fields)]
    delivered = (
        [SenderReaction(at + MINUTE, "touch.delivered", {})]
        if command.channel != "linkedin"
        else []
    )
    react = _REACTIONS_OF.get(command.campaign_id)
    if react is not None:
        reactions = (
            SenderReaction(at + MINUTE + after_us, kind, fields)
            for after_us, kind, fields in react(command, hash_fraction)
        )
        return [sent, *delivered, *reactions]
    return [sent, *delivered, *_reactions(command, at + MINUTE)]


_REACTIONS_OF = {
    **dict.fromkeys(OUTREACH_CAMPAIGN_IDS, prospect_reactions),
    talent.CAMPAIGN_ID: talent.talent_reactions,
}
"""How people react to a campaign other than one for reviews."""


def _send_delay_us(command: TouchDue) -> int:
    """Some minutes; for a few commands some hours, in which a revocation can still come."""
    if hash_fraction("slow", command.command_id) < 0.03:
        return HOUR + int(5 * HOUR * hash_fraction("how slow", command.command_id))
    return 20 * SECOND + int(8 * MINUTE * hash_fraction("handled", command.command_id))


def _failure(command: TouchDue) -> str | None:
    """Returns a failure code (F-7): always for some recipients, and once for others."""
    if hash_fraction("unreachable", f"{command.tenant_id}/{command.contact_id}") < 0.006:
        return "500"
    draw = hash_fraction("failure", command.command_id)
    for code, threshold in (("429", 0.02), ("500", 0.04), ("400", 0.047)):
        if draw < threshold:
            return code
    return None


def _bounce(command: TouchDue) -> str | None:
    if command.channel != "email":
        return None
    no_mailbox = 0.004 if command.tenant_id == talent.TENANT_ID else 0.02
    if hash_fraction("no mailbox", f"{command.tenant_id}/{command.contact_id}") < no_mailbox:
        return "hard"
    return "soft" if hash_fraction("full mailbox", command.command_id) < 0.01 else None


def _reactions(command: TouchDue, delivered: int) -> list[SenderReaction]:
    """Opens, clicks, reviews and opt-outs: each by a share of the recipients of the one before."""
    draw = hash_fraction("reaction", command.command_id)
    wait = hash_fraction("patience", command.command_id) ** 2
    seen = delivered + 5 * MINUTE + int(7 * HOUR * wait)
    if command.channel == "sms":
        if draw < 0.03:
            return _opt_out_reactions(command, seen)
        return _click_reactions(command, seen) if draw > 0.86 else []
    scanned = _scanner_reactions(command, delivered)
    if draw < 0.5:
        return scanned
    opened = SenderReaction(seen, "touch.opened", {})
    if draw < 0.52:
        return [*scanned, opened, *_opt_out_reactions(command, seen + 4 * MINUTE)]
    later = _click_reactions(command, seen + 2 * MINUTE) if draw > 0.87 else []
    return [*scanned, opened, *later]


def _scanner_reactions(command: TouchDue, delivered: int) -> list[SenderReaction]:
    """Some companies have a machine that opens every mail and follows its links, within seconds."""
    if hash_fraction("scanner", f"{command.tenant_id}/{command.contact_id}") > 0.04:
        return []
    url = f"https://{command.tenant_id}.example/review"
    return [
        SenderReaction(delivered + 4 * SECOND, "touch.opened", {"automatic": True}),
        SenderReaction(delivered + 5 * SECOND, "touch.clicked", {"url": url, "automatic": True}),
    ]


def _click_reactions(command: TouchDue, at: int) -> list[SenderReaction]:
    """A click. Almost half of the clicks lead to a review, and a tenth to feedback (F-12)."""
    url = f"https://{command.tenant_id}.example/review"
    clicked = SenderReaction(at, "touch.clicked", {"url": url})
    draw = hash_fraction("review", command.command_id)
    if draw < 0.45:
        return [
            clicked,
            SenderReaction(at + 10 * MINUTE, "review.clicked", _review_fields(command)),
        ]
    if draw < 0.55:
        return [
            clicked,
            SenderReaction(at + 25 * MINUTE, "feedback.submitted", _review_fields(command)),
        ]
    return [clicked]


def _review_fields(command: TouchDue) -> dict[str, Any]:
    return {"campaign_id": command.campaign_id}


def _opt_out_reactions(command: TouchDue, at: int) -> list[SenderReaction]:
    """An opt-out of the channel, or of all channels. Some people write it as a text message, and
    some agree again on the same day."""
    opts_out_of_all = hash_fraction("all", command.command_id) < 0.2
    channel = "all" if opts_out_of_all else command.channel
    if command.channel == "sms" and not opts_out_of_all:
        opt_out = SenderReaction(at, "contact.replied", {"channel": channel, "text": "Stop"})
    else:
        fields = {"channel": channel, "reason": "asked to stop"}
        opt_out = SenderReaction(at, "contact.unsubscribed", fields)
    if hash_fraction("agrees again", command.command_id) > 0.25:
        return [opt_out]
    agreed = {"channel": channel, "evidence": f"form of {command.contact_id}"}
    return [opt_out, SenderReaction(at + 5 * HOUR, "contact.resubscribed", agreed)]
