"""The arithmetic of all limits (C-38): a rule allows so many commands in a window, or none before a
moment.

A rule is a plain value. It looks at a log of the commands that it counts, and answers from when on
it allows one more. Several rules hold together when all of them allow the same moment: `settle`
finds the first such moment. Neither store nor clock is used here, so that readers of the states
compute with the same rules as the engine.

Rolling windows of up to EXACT_UP_TO commands are exact; larger ones count in steps of a thousandth
of the window, and a command counts from the end of its step: late, and never over the limit.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol

from processors.shared.calendar_periods import DAY, day_of, period_of
from processors.shared.send_windows import opens_at
from schemas.base.times import DAY as DAY_US
from schemas.base.times import MILLISECOND, DurationUs, MomentUs
from schemas.internal.messages import Window
from schemas.internal.state_bytes import NEVER

EXACT_UP_TO = 1_000
"""Up to this limit, the time of every command is kept exactly. For a larger limit, times are
rounded up to steps, so that a log holds about as many of them."""

GATHER_US = 100 * MILLISECOND
"""How long the requests of a channel are gathered, so that the order of their records does not
decide which of them get the slots that are left (C-35)."""

HORIZON_US = 400 * DAY_US
"""A moment further away than this is never reached: longer than every window, and than the wait for
a weekday of one."""


class TimesLog(Protocol):
    """What was sent, as a rolling window looks at it."""

    def nth_last(self, n: int) -> MomentUs:
        """The moment of the n-th command from the end; 0 if there are fewer."""

    def count_since(self, after: MomentUs) -> int:
        """How many commands are later than a moment."""


class LastCommand(Protocol):
    """The last command, as a gap looks at it."""

    last_at: MomentUs
    last_hash: int
    """A hash of the command, for the jitter of the gap after it."""


class SendingDays(Protocol):
    """On how many days an account has sent, as a warm-up counts them."""

    sending_days: int
    last_day: int
    sent_today: int


class Rule(Protocol):
    """One limit. `reason` is that of a wait for it, and `name` is unique beside other rules."""

    @property
    def name(self) -> str: ...

    @property
    def reason(self) -> str: ...

    def opens(self, log: Any, at: MomentUs) -> MomentUs:
        """The first moment from `at` on at which the rule allows one more command, for as far as
        it knows at `at`; NEVER if none."""

    def used(self, log: Any, at: MomentUs) -> int | None:
        """How many commands count at a moment; None of a rule that counts none."""

    def limit(self, log: Any, at: MomentUs) -> int | None:
        """How many the rule allows at a moment; None of a rule that counts none."""


class Rolling(NamedTuple):
    """At most `n` commands in any time of `window_us`.

    `jitter` lowers the limit of each day by a hash of the day, by at most that many percent.
    """

    name: str
    reason: str
    n: int
    window_us: DurationUs
    jitter: int = 0
    seed: str = ""
    zone: str = "UTC"

    @property
    def step_us(self) -> DurationUs:
        """The time to which the moments of the log are rounded up; 0 if they are exact."""
        return self.window_us // EXACT_UP_TO if self.n > EXACT_UP_TO else 0

    def opens(self, log: TimesLog, at: MomentUs) -> MomentUs:
        """When the n-th command from the end has left the window."""
        n = self.n if not self.jitter else self.limit(log, at)
        if n <= 0:
            return NEVER
        free_at = log.nth_last(n) + self.window_us
        if free_at <= at:
            return at
        if not self.jitter:
            return free_at
        return min(free_at, period_of(DAY, self.zone, 0, at)[1])  # another day, another limit

    def used(self, log: TimesLog, at: MomentUs) -> int:
        """The commands of the window that ends now."""
        return log.count_since(at - self.window_us)

    def limit(self, log: object, at: MomentUs) -> int:
        """The limit of the day."""
        return _less_jitter(self.n, self.jitter, self.seed, self.zone, at)


class Calendar(NamedTuple):
    """At most `n` commands in each calendar day, week or month, which last about `length_us`."""

    name: str
    reason: str
    n: int
    length_us: DurationUs
    unit: str
    zone: str
    first_weekday: int = 0
    jitter: int = 0
    seed: str = ""

    @property
    def step_us(self) -> DurationUs:
        """The time to which the moments of the log are rounded up; 0 if they are exact."""
        return self.length_us // EXACT_UP_TO if self.n > EXACT_UP_TO else 0

    def opens(self, log: TimesLog, at: MomentUs) -> MomentUs:
        """The next period, if this one is used up."""
        limit = self.limit(log, at)
        if limit <= 0:
            return NEVER
        start, following = period_of(self.unit, self.zone, self.first_weekday, at)
        return at if log.count_since(start - 1) < limit else following

    def used(self, log: TimesLog, at: MomentUs) -> int:
        """The commands of the period."""
        start, _ = period_of(self.unit, self.zone, self.first_weekday, at)
        return log.count_since(start - 1)

    def limit(self, log: object, at: MomentUs) -> int:
        """The limit, or that of the day."""
        return _less_jitter(self.n, self.jitter, self.seed, self.zone, at)


class Spacing(NamedTuple):
    """At least `gap_us` between two commands, and by a hash of the first up to `jitter_us` more."""

    name: str
    reason: str
    gap_us: DurationUs
    jitter_us: DurationUs = 0

    def opens(self, log: LastCommand, at: MomentUs) -> MomentUs:
        """When the gap after the last command is over."""
        if not log.last_at:
            return at
        return max(at, log.last_at + self.gap_us + log.last_hash % (self.jitter_us + 1))

    def used(self, log: LastCommand, at: MomentUs) -> int:
        """Whether the gap is under way."""
        return int(self.opens(log, at) > at)

    def limit(self, log: object, at: MomentUs) -> int:
        """One command in a gap."""
        return 1


class WarmUpRule(NamedTuple):
    """The growing daily limit of a new account: `start`, and `step` more for each earlier day on
    which it has sent, up to `target`. Each two weeks without a command halve it."""

    name: str
    reason: str
    start: int
    step: int
    target: int
    zone: str
    jitter: int = 0
    seed: str = ""

    def opens(self, log: SendingDays, at: MomentUs) -> MomentUs:
        """Tomorrow, if the limit of today is used up."""
        day = day_of(self.zone, at)
        sent = log.sent_today if log.last_day >= day else 0
        return at if sent < self.limit(log, at) else period_of(DAY, self.zone, 0, at)[1]

    def used(self, log: SendingDays, at: MomentUs) -> int:
        """The commands of today."""
        return log.sent_today if log.last_day >= day_of(self.zone, at) else 0

    def limit(self, log: SendingDays, at: MomentUs) -> int:
        """The limit of the day of a moment."""
        earlier = self.earlier_days(log, day_of(self.zone, at))
        cap = min(self.target, self.start + self.step * earlier)
        return _less_jitter(cap, self.jitter, self.seed, self.zone, at)

    def earlier_days(self, log: SendingDays, day: int) -> int:
        """The sending days before `day` that count, after the idle days before it."""
        if log.last_day >= day:
            return max(0, log.sending_days - 1)
        days = log.sending_days
        if log.last_day < 0:
            return days
        for _ in range(min(64, (day - log.last_day - 1) // IDLE_DAYS)):
            halved = min(self.target, self.start + self.step * days) // 2
            days = max(0, (halved - self.start) // self.step) if self.step else 0
        return days


IDLE_DAYS = 14
"""So many days without a command halve the limit of a warm-up."""


class SendHours(NamedTuple):
    """The send window of an account."""

    name: str
    reason: str
    window: Window

    def opens(self, log: object, at: MomentUs) -> MomentUs:
        """When the window opens."""
        return opens_at(self.window, at)

    def used(self, log: object, at: MomentUs) -> None:
        """A window counts nothing."""

    def limit(self, log: object, at: MomentUs) -> None:
        """A window counts nothing."""


class ClosedUntil(NamedTuple):
    """Nothing before a moment; NEVER until somebody opens it again."""

    name: str
    reason: str
    until: MomentUs

    def opens(self, log: object, at: MomentUs) -> MomentUs:
        """The moment."""
        return max(at, self.until)

    def used(self, log: object, at: MomentUs) -> None:
        """A closure counts nothing."""

    def limit(self, log: object, at: MomentUs) -> None:
        """A closure counts nothing."""


class Concurrent(NamedTuple):
    """At most `n` at a time. The log is their number: of states, and never a counter (F-18)."""

    name: str
    reason: str
    n: int

    def opens(self, log: int, at: MomentUs) -> MomentUs:
        """Now, or when one has ended, which no clock knows."""
        return at if log < self.n else NEVER

    def used(self, log: int, at: MomentUs) -> int:
        """How many there are."""
        return log

    def limit(self, log: object, at: MomentUs) -> int:
        """The limit."""
        return self.n


LoggedRule = tuple[Rule, Any]
"""A rule with the log that it looks at."""


class LimitOpening(NamedTuple):
    """When all rules allow a command, NEVER if they do not, and the reason of the rule that was
    the last to move this moment; empty if none did."""

    at: MomentUs
    reason: str


def settle(rules: Sequence[LoggedRule], at: MomentUs) -> LimitOpening:
    """The first moment from `at` on at which all rules allow one more command, if none is sent
    before: a fixed point of all of them."""
    reason, last = "", at + HORIZON_US
    number = len(rules)
    place = agreed = 0
    while agreed < number:
        rule, log = rules[place]
        opens = rule.opens(log, at)
        if opens > at:
            at, reason, agreed = opens, rule.reason, -1  # also this rule is asked again
            if at > last:
                return LimitOpening(NEVER, reason)
        agreed += 1
        place += 1
        if place == number:
            place = 0
    return LimitOpening(at, reason)


def load_of(rules: Iterable[LoggedRule], at: MomentUs) -> float:
    """The share of the fullest limit that is used."""
    fullest = 0.0
    for rule, log in rules:
        limit = rule.limit(log, at)
        if limit:
            fullest = max(fullest, (rule.used(log, at) or 0) / limit)
    return fullest


def bucket_end(at: MomentUs, step_us: DurationUs) -> MomentUs:
    """The moment as which a command counts: the end of its step, or `at` itself without steps."""
    return at - at % step_us + step_us if step_us else at


def hash_of(sender_id: str, what: str) -> int:
    """A number that looks like chance and is the same in every replay."""
    digest = blake2b(f"{sender_id}/{what}".encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big")


def _less_jitter(n: int, percent: int, seed: str, zone: str, at: MomentUs) -> int:
    if not percent:
        return n
    less = _hash_of_day(seed, day_of(zone, at)) % (n * percent // 100 + 1)
    return max(1, n - less) if n > 0 else n


@lru_cache(maxsize=8192)
def _hash_of_day(seed: str, day: int) -> int:
    return hash_of(seed, str(day))
