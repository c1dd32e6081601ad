"""The command of a touch that a sender account writes, and what is counted for it (C-38)."""

from typing import Any

import msgspec

from processors.dispatch.channel_owner import ChannelOwner, Choice, is_repeat, values_of
from processors.dispatch.outcomes import command
from processors.dispatch.sender_health import pause_if_unhealthy
from processors.shared.calendar_periods import day_of, period_of
from processors.shared.limit_rules import hash_of
from processors.shared.send_windows import closes_at
from processors.shared.sender_rules import group_of, sender_rules, warm_up_rule, window_of
from schemas.base.times import MomentUs
from schemas.internal import messages as m
from schemas.internal.states import Sender


def send(owner: ChannelOwner, touch: m.RequestTouch, choice: Choice) -> None:
    """Writes the command of a touch and counts it; the repeat of a command is not counted."""
    turn, sender_id = owner.turn, choice.sender.terms.sender_id
    values: dict[str, Any] = {"sender_id": sender_id} if sender_id else {}
    values["limits"] = values_of(choice.rules, turn.now)
    send_before = _send_before(owner, touch, choice.sender)
    if not is_repeat(touch):
        _count(owner, touch, owner.edit_sender(sender_id))
    commanded = msgspec.structs.replace(touch, sender_id=sender_id) if sender_id else touch
    command(turn, owner.tenant, commanded, send_before, values)


def _send_before(owner: ChannelOwner, touch: m.RequestTouch, sender: Sender) -> MomentUs:
    """Until when the command may be sent: the ends of both windows, and not later than the lag for
    which the limits are widened. A calendar period is not widened: its end is the end then."""
    now, terms = owner.turn.now, sender.terms
    ends = [closes_at(touch.quiet, now), touch.expires_at]
    if terms.window is not None:
        ends.append(closes_at(window_of(terms.zone, terms.window), now))
    if terms.lag_us:
        ends.append(now + terms.lag_us)
        for unit, zone, weekday in sender_rules(terms, group_of(terms, touch.action)).calendars:
            ends.append(period_of(unit, zone, weekday, now)[1])
    return min(ends)


def _count(owner: ChannelOwner, touch: m.RequestTouch, sender: Sender) -> None:
    """Counts a command wherever a limit counts it, and for the turn of its account."""
    now, account = owner.turn.now, owner.account
    countings = [owner.counting_of(sender, touch.action), owner.tenant_counting()]
    of_first = owner.new_counting_of(sender) if touch.first else None
    if of_first is not None:
        countings.append(of_first)
    for counting in (*countings, *owner.lane_countings(sender, touch)):
        jitter = counting.rules.jitter_us
        seed = hash_of(sender.terms.sender_id, touch.command_id) if jitter else 0
        counting.add(now, now, command_hash=seed)
    account.served_seq += 1
    sender.served_seq = account.served_seq
    sender.sent_count += 1
    count_day(sender, now, 1)
    pause_if_unhealthy(owner.turn, sender)


def count_day(sender: Sender, at: MomentUs, count: int) -> None:
    """Counts commands for the warm-up of an account: a day on which it sends is a sending day."""
    day = day_of(sender.terms.zone, at)
    if day == sender.last_day:
        sender.sent_today += count
    elif day > sender.last_day:
        rule = warm_up_rule(sender.terms)
        earlier = sender.sending_days if rule is None else rule.earlier_days(sender, day)
        sender.sending_days, sender.last_day, sender.sent_today = earlier + 1, day, count
