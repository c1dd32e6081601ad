"""The limit of a channel that has no other one: the greatest number of commands in any hour (F-11).

It is a rolling limit like any other (processors/shared/limit_rules.py). Its log is in the state of
the account itself, which is cheaper as long as there is one log only. Commands are counted only
while a limit is set, so a new limit does not count earlier commands.
"""

from functools import lru_cache

from processors.shared.limit_rules import EXACT_UP_TO, GATHER_US, Rolling, bucket_end
from processors.shared.limit_scopes import DEFAULT_PER_HOUR
from schemas.base.times import HOUR
from schemas.internal.states import Account, KnownTenant

AT_ONCE = 20
"""So many commands of an account go out at once in a time of GATHER_US, and so many slots of its
limit must be free for that; what comes beside them is gathered. Of a limit above EXACT_UP_TO it is
a fiftieth in the time of a step."""


def per_hour(tenant: KnownTenant | None, channel: str) -> int | None:
    """The limit of the tenant's account on a channel; None is no limit."""
    if tenant is None:
        return DEFAULT_PER_HOUR
    return tenant.limits.get(channel, DEFAULT_PER_HOUR)


class HourLog:
    """The commands of an account, as its rule looks at them."""

    __slots__ = ("_account",)

    def __init__(self, account: Account) -> None:
        self._account = account

    def nth_last(self, n: int) -> int:
        """The moment of the n-th command from the end; 0 if there are fewer."""
        earlier = self._account.sent_total - n
        if earlier < 0:
            return 0
        for at, commands in self._account.sent:
            earlier -= commands
            if earlier < 0:
                return at
        return 0

    def count_since(self, after: int) -> int:
        """How many commands are later than a moment. Older ones are removed from the account."""
        account = self._account
        sent, expired = account.sent, 0
        while expired < len(sent) and sent[expired][0] <= after:
            account.sent_total -= sent[expired][1]
            expired += 1
        if expired:
            del sent[:expired]
        return account.sent_total


@lru_cache(maxsize=1024)
def _rule(limit: int) -> Rolling:
    return Rolling("throttled", "throttled", limit, HOUR)


def used(account: Account, now: int) -> int:
    """The number of commands in the hour before `now`. Older ones are removed from the account."""
    sent = account.sent
    if not sent or sent[0][0] + HOUR > now:  # nothing has left the window
        return account.sent_total
    return HourLog(account).count_since(now - HOUR)


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


def count(account: Account, limit: int, now: int) -> None:
    """Counts one command at `now`."""
    account.sent_total += 1
    at = now if limit <= EXACT_UP_TO else bucket_end(now, _rule(limit).step_us)
    if account.sent and account.sent[-1][0] >= at:
        account.sent[-1] = (account.sent[-1][0], account.sent[-1][1] + 1)
    else:
        account.sent.append((at, 1))


def next_slot(account: Account, limit: int | None, now: int) -> int:
    """When the limit allows one more command; for one that never does, when it is looked at again:
    in an hour."""
    if limit is None:
        return now
    return min(_rule(limit).opens(HourLog(account), now), now + HOUR)
