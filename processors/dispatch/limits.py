"""How much an account may still send inside a sliding hour (F-11): never more than the limit in
any hour.

A limit counts from when it is set: what went out while there was none is not counted.
"""

from schemas.base.times import HOUR
from schemas.internal.states import Account, KnownTenant

DEFAULT_PER_HOUR = 100
"""Per business and channel, where the tenant sets nothing (F-11)."""

EXACT_UP_TO = 1_000
"""Limits up to this many are kept to the moment; larger ones in steps of 1/1000 hour, rounded
late."""

_STEP = HOUR // EXACT_UP_TO


def per_hour(tenant: KnownTenant | None, channel: str) -> int | None:
    """The account's limit; None is unlimited."""
    if tenant is None:
        return DEFAULT_PER_HOUR
    return tenant.limits.get(channel, DEFAULT_PER_HOUR)


def used(account: Account, now: int) -> int:
    """Commands of the last hour; what is older is forgotten here."""
    sent = account.sent
    gone = 0
    while gone < len(sent) and sent[gone][0] + HOUR <= now:
        account.sent_total -= sent[gone][1]
        gone += 1
    if gone:
        del sent[:gone]
    return account.sent_total


def count(account: Account, limit: int | None, now: int) -> None:
    """One command more went out; without a limit nothing is kept of it."""
    if limit is None:
        return
    account.sent_total += 1
    at = now if limit <= EXACT_UP_TO else now - now % _STEP + _STEP
    if account.sent and account.sent[-1][0] >= at:
        account.sent[-1] = (account.sent[-1][0], account.sent[-1][1] + 1)
    else:
        account.sent.append((at, 1))


def next_slot(account: Account, now: int) -> int:
    """When the oldest command leaves the hour."""
    return account.sent[0][0] + HOUR if account.sent else now + HOUR
