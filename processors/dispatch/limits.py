"""The limit of an account: the greatest number of commands in any hour, as a sliding window (F-11).

Commands are counted only while a limit is set, so a new limit does not count earlier commands.
"""

from processors.shared.limit_rules import EXACT_UP_TO, bucket_end
from processors.shared.limit_scopes import DEFAULT_PER_HOUR
from schemas.base.times import HOUR, MILLISECOND
from schemas.internal.states import Account, KnownTenant

AT_ONCE = 20
"""So many commands of an account go out at once in a time of GATHER_US, and so many slots of its
limit must be free for that; what comes beside them is gathered. Of a limit above EXACT_UP_TO it is
a fiftieth in the time of a step."""

GATHER_US = 100 * MILLISECOND
"""How long the requests of an account are gathered, so that the order of their records does not
decide which of them get the slots that are left (C-35)."""

_STEP_US = HOUR // EXACT_UP_TO


def per_hour(tenant: KnownTenant | None, channel: str) -> int | None:
    """The limit of the tenant's account on a channel; None is no limit."""
    if tenant is None:
        return DEFAULT_PER_HOUR
    return tenant.limits.get(channel, DEFAULT_PER_HOUR)


def used(account: Account, now: int) -> int:
    """The number of commands in the hour before `now`. Older ones are removed from the account."""
    sent = account.sent
    expired = 0
    while expired < len(sent) and sent[expired][0] + HOUR <= now:
        account.sent_total -= sent[expired][1]
        expired += 1
    if expired:
        del sent[:expired]
    return account.sent_total


def goes_at_once(account: Account, limit: int, used: int, now: int) -> bool:
    """Whether a command may go out without being compared with other requests of its moment: far
    from the limit all of them get a slot anyway."""
    if limit - used <= AT_ONCE:
        return False
    left = max(AT_ONCE, limit // 50)
    for at, commands in reversed(account.sent):
        if at + GATHER_US <= now:
            break
        left -= commands
        if left <= 0:
            return False
    return True


def count(account: Account, limit: int | None, now: int) -> None:
    """Counts one command at `now`. Without a limit nothing is counted."""
    if limit is None:
        return
    account.sent_total += 1
    at = bucket_end(now, 0 if limit <= EXACT_UP_TO else _STEP_US)
    if account.sent and account.sent[-1][0] >= at:
        account.sent[-1] = (account.sent[-1][0], account.sent[-1][1] + 1)
    else:
        account.sent.append((at, 1))


def next_slot(account: Account, now: int) -> int:
    """The time at which the oldest counted command leaves the window, or in an hour where none is
    counted."""
    return account.sent[0][0] + HOUR if account.sent else now + HOUR
