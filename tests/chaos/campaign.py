"""A campaign of kills and other disturbances. It consists of rounds, each with topics and a
database of its own, and a round of cycles with one disturbance each. After each round comes a night
in a time lapse, with senders that are down."""

import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path
from random import Random

from schemas.internal.topics import Layout
from streams.embedded.stack import Stack
from tests.chaos.broker_disturbances import BROKER_DISTURBANCES, NO_QUORUM
from tests.chaos.consistency import ConsistencyChecker
from tests.chaos.disturbances import ALL_BROKERS, DISTURBANCES, Disturbance, DisturbedEngine
from tests.chaos.night import SendersDown
from tests.chaos.readers import ChaosSenders, FactMonitor
from tests.chaos.talent import ACCOUNTS, BATCH
from tests.chaos.talent import TENANT as TALENT
from tests.chaos.total import (
    CLUSTER_GAP_MAX_S,
    GAP_MAX_S,
    GAP_WITHOUT_BROKER_MAX_S,
    NO_GAP,
    ChaosTotal,
    Gap,
)
from tests.chaos.traffic import CAMPAIGNS, TENANTS, TrafficPublisher
from tests.testing.live_engine import LiveEngine

ROLES = {"intake": 2, "contact": 2, "dispatch": 2, "campaign": 1, "projector": 1}
CLUSTER_ROLES, CLUSTER_LAYOUT = {**ROLES, "contact": 4}, Layout(contact=12)
"""The roles and partitions on several brokers."""

CLUSTER_ENVIRONMENT = {"TOUCHSTREAM_SESSION_TIMEOUT_MS": "12000"}
"""A member outlives the loss of its coordinator, as with the defaults of engine and brokers."""

CYCLES_PER_ROUND = 28
"""A check folds everything since the beginning of its round, so rounds are short."""

START_S = 90.0
Report = Callable[[str], None]


class Cut(BaseException):
    """A signal has ended the campaign."""


class ChaosCampaign:
    """Runs cycles on a stack. Every `disturb_every`th cycle has another disturbance than a SIGKILL.
    After such a cycle, and after every `check_every`th, everything is compared. A round ends with
    `conversions` at once. Without `timed` no gap of a reader is too
    long."""

    def __init__(
        self,
        stack: Stack,
        log_dir: Path,
        *,
        seed: int,
        report: Report,
        rate: float = 30.0,
        disturb_every: int = 4,
        check_every: int = 4,
        disturbances: Sequence[Disturbance] | None = None,
        nights: bool = True,
        timed: bool = True,
        conversions: int = 0,
    ) -> None:
        self.total = ChaosTotal()
        self._stack, self._log_dir, self._report = stack, log_dir, report
        self._seed, self._random, self._rate = seed, Random(seed), rate
        self._disturb_every, self._check_every = disturb_every, check_every
        self._clustered = len(stack.brokers) > 1
        self._disturbances = default_disturbances(stack) if disturbances is None else disturbances
        self._disturbances_done = 0
        self._nights, self._conversions = nights, conversions
        self._timed = timed
        self._wanted, self._began_s = 0, time.monotonic()

    def run(self, cycles: int) -> ChaosTotal:
        """Runs this number of cycles, and ends early after a round with problems, or when `cut` is
        called."""
        self._wanted, self._began_s = cycles, time.monotonic()
        try:
            while self.total.cycles < cycles and not self._is_over:
                self._round(min(CYCLES_PER_ROUND, cycles - self.total.cycles))
                if self._nights and not self._is_over:
                    self._night()
        except Cut:
            self.total.cut = True
        return self.total

    @property
    def _is_over(self) -> bool:
        return self.total.cut or bool(self.total.problems)

    def cut(self, *_: object) -> None:
        """Ends the campaign. This is a handler of signals; further ones have no effect."""
        if not self.total.cut:
            self.total.cut = True
            raise Cut

    def _round(self, cycles: int) -> None:
        directory = self._log_dir / f"round-{self.total.cycles}"
        roles = CLUSTER_ROLES if self._clustered else ROLES
        environment = CLUSTER_ENVIRONMENT if self._clustered else None
        engine = LiveEngine(self._stack, directory, roles=roles, environment=environment)
        try:
            engine.start(CLUSTER_LAYOUT if self._clustered else None)
            round_ = _CampaignRound(engine, self._seed + self.total.cycles, self._rate)
            try:
                self._cycles(round_, cycles)
                if self._conversions and not self.total.problems:
                    self.total.problems += round_.convert(self._conversions)
                    self._report(round_.report_line)
            finally:
                round_.close()
                self._add(round_)
        except Exception as error:
            first = _first_error(error)
            if not isinstance(first, Cut):
                self.total.problems.append(f"{type(first).__name__}: {first}")
        finally:
            engine.stop()

    def _night(self) -> None:
        """A night with senders that are down over the end of a send window."""
        self.total.nights += 1
        directory = self._log_dir / f"night-{self.total.nights}"
        night = SendersDown(self._stack, directory, self._seed + self.total.nights)
        began = time.monotonic()
        try:
            self.total.problems += night.run()
        except Exception as error:
            self.total.problems.append(f"{type(error).__name__}: {error}")
        self.total.late += night.late
        took = time.monotonic() - began
        self._report(f"night {self.total.nights}: {night.report_line}; {took:.1f} s")

    def _cycles(self, round_: "_CampaignRound", cycles: int) -> None:
        for number in range(1, cycles + 1):
            began = time.monotonic()
            checked = number == cycles or number % self._check_every == 0
            disturb = self._next()
            problems = self._cycle(round_, disturb, checked=checked)
            gap, took = round_.take_gap(), time.monotonic() - began
            problems += self._too_long(gap, disturb)
            self.total.add_cycle(disturb.__name__, took, gap)
            self._report(
                f"cycle {self.total.cycles} of {self._wanted}: {disturb.__name__}: "
                f"{round_.report_line}; longest gap {gap}; {took:.1f} s, {self._left()} left"
            )
            if problems:
                self.total.problems += problems
                return

    def _left(self) -> str:
        """About how long the remaining cycles will take."""
        passed_s = time.monotonic() - self._began_s
        left_s = passed_s / self.total.cycles * (self._wanted - self.total.cycles)
        return f"{left_s / 60:.0f} min" if left_s > 90 else f"{left_s:.0f} s"

    def _cycle(self, round_: "_CampaignRound", disturb: Disturbance, *, checked: bool) -> list[str]:
        round_.flow()
        round_.engine.pause(self._random.uniform(0.2, 1.0))
        round_.report_line = disturb(round_.disturbed)
        round_.engine.pause(self._random.uniform(0.2, 1.0))
        round_.rest()
        if not checked and disturb not in self._disturbances:
            return []
        problems = round_.checker.check()
        round_.report_line += (
            f"; {round_.senders.commands} commands, {round_.checker.repeated} repeated, "
            f"{round_.checker.missing} missing"
        )
        return problems

    def _too_long(self, gap: Gap, disturb: Disturbance) -> list[str]:
        """A problem if a reader has waited too long. It waits as long as nothing can be written."""
        if not self._timed or disturb in (*ALL_BROKERS, *NO_QUORUM):
            return []
        limit_s = CLUSTER_GAP_MAX_S if self._clustered else GAP_MAX_S
        if disturb in BROKER_DISTURBANCES:
            limit_s = GAP_WITHOUT_BROKER_MAX_S
        return [f"a reader waited too long: {gap}"] if gap.seconds > limit_s else []

    def _next(self) -> Disturbance:
        number = self.total.cycles + 1
        if self._disturbances and number % self._disturb_every == 0:
            self._disturbances_done += 1
            return self._disturbances[(self._disturbances_done - 1) % len(self._disturbances)]
        return DisturbedEngine.kill

    def _add(self, round_: "_CampaignRound") -> None:
        total = self.total
        total.commands += round_.senders.commands
        total.prospects += round_.senders.prospects
        total.calls += len(round_.fact_monitor.slots.granted)
        total.resumed += round_.fact_monitor.resumed
        total.candidates += round_.fact_monitor.outreach.sent
        total.completed += round_.fact_monitor.outreach.is_over
        total.events += round_.publisher.ledger.published
        total.repeated += len(round_.senders.repeated())
        total.differences += round_.checker.differences
        total.missing += round_.checker.missing
        for role, times in round_.disturbed.recovery_s.items():
            total.recovery_s.setdefault(role, []).extend(times)


class _CampaignRound:
    """An engine with its traffic, its readers, its disturbances and its checker."""

    def __init__(self, engine: LiveEngine, seed: int, rate: float) -> None:
        self.engine = engine
        self.report_line = ""
        self.fact_monitor = FactMonitor(engine.settings)
        self.senders = ChaosSenders(engine.settings)
        self.publisher = TrafficPublisher(engine.settings, seed, rate)
        self.disturbed = DisturbedEngine(engine, Random(seed))
        self.checker = ConsistencyChecker(
            engine.settings, engine.pause, self.publisher, self.senders, self.fact_monitor
        )
        self.publisher.publish_tenants()
        engine.wait_until(
            "tenants are known", lambda: self.fact_monitor.tenants > len(TENANTS), START_S
        )
        self.publisher.publish_campaigns()
        every = len(TENANTS) * len(CAMPAIGNS) + 1
        engine.wait_until("campaigns are ready", lambda: self.fact_monitor.ready == every, START_S)
        self._activate_outreach()

    def _activate_outreach(self) -> None:
        """Fills the draft of the campaign of outreach, and activates it."""
        outreach = self.fact_monitor.outreach
        self.publisher.add_candidates()
        self.engine.wait_until(
            "accounts and people of outreach are known",
            lambda: outreach.accounts == ACCOUNTS and outreach.started == BATCH,
            START_S,
        )
        self.publisher.activate_outreach()
        self.engine.wait_until(
            "the campaign of outreach is active", lambda: bool(outreach.statuses), START_S
        )

    def flow(self) -> None:
        """Starts the traffic, and waits for the first command. Then readers measure their gaps."""
        seen = self.senders.seen
        self.publisher.start()
        self.engine.wait_until("the first command", lambda: self.senders.seen > seen)
        for reader in (self.fact_monitor, self.senders):
            reader.measure(True)

    def rest(self) -> None:
        """Ends the traffic."""
        for reader in (self.fact_monitor, self.senders):
            reader.measure(False)
        self.publisher.stop()

    def convert(self, number: int) -> list[str]:
        """People of the campaign of outreach convert, all at once and each several times, while the
        others go on and a worker is killed. Returns all problems, in words."""
        people = sorted(who for tenant, who in self.senders.commanded if tenant == TALENT)
        self.publisher.convert(people, number)
        self.fact_monitor.outreach.conversions += number
        began = time.monotonic()
        self.flow()
        killed = self.disturbed.kill()
        self.rest()
        problems = self.checker.check()
        self.take_gap()  # the conversions hold the others up
        took = time.monotonic() - began
        self.report_line = f"{number} conversions of {len(people)} people, {killed}; {took:.1f} s"
        return problems

    def take_gap(self) -> Gap:
        """The longest gap since the last call."""
        gaps = {**self.fact_monitor.take_gaps(), **self.senders.take_gaps()}
        return max((Gap(gap, stream) for stream, gap in gaps.items()), default=NO_GAP)

    def close(self) -> None:
        self.publisher.end()
        for reader in (self.fact_monitor, self.senders):
            reader.close()
            reader.flush()
        self.disturbed.close()


def _first_error(error: BaseException) -> BaseException:
    """The error that came first: closing fails too then, and would hide it."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def default_disturbances(stack: Stack) -> list[Disturbance]:
    """The disturbances of a campaign: on a cluster, those of its brokers and the others by
    turns."""
    if len(stack.brokers) == 1:
        return list(DISTURBANCES)
    both = zip_longest(BROKER_DISTURBANCES, DISTURBANCES)
    return [disturbance for pair in both for disturbance in pair if disturbance is not None]


def own_directory(data: Path | None) -> Path:
    """The directory of stack and logs. By default it is a new one outside of pytest's directory,
    which PostgreSQL's user may not enter."""
    if data is None:
        return Path(tempfile.mkdtemp(prefix="touchstream-chaos-"))
    data.mkdir(parents=True, exist_ok=True)
    return data
