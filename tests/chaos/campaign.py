"""A campaign of disturbances: rounds of cycles, each round on topics and a database of its own."""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median

from streams.embedded.stack import Stack
from tests.chaos.checking import Checker
from tests.chaos.faults import NOT_TIMED, SPECIAL, Disturbance, Disturber
from tests.chaos.senders import Senders, Witness
from tests.chaos.traffic import CAMPAIGNS, TENANTS, Publisher
from tests.testing.live_engine import LiveEngine

ROLES = {"intake": 2, "contact": 2, "dispatch": 2, "campaign": 1, "projector": 1}
ROUND = 28
"""Cycles a round: a check folds everything since its round's beginning."""

GAP_MAX_S = 15.0
START_S = 90.0
Tell = Callable[[str], None]


@dataclass
class Total:
    """What the end says."""

    cycles: int = 0
    commands: int = 0
    prospects: int = 0
    resumed: int = 0
    events: int = 0
    repeated: int = 0
    missing: int = 0
    gap_s: float = 0.0
    gap_at: str = ""
    kills: dict[str, list[float]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """A line each."""
        yield f"cycles {self.cycles}, events published {self.events}, commands {self.commands}"
        yield f"commands to prospects {self.prospects}, resumed after a reply {self.resumed}"
        yield f"commands repeated {self.repeated}, missing {self.missing}"
        yield f"longest reader gap {self.gap_s:.1f} s (at most {GAP_MAX_S:.0f}) {self.gap_at}"
        for role, times in self.kills.items():
            if times:
                yield (
                    f"kill -9 of {role}: {len(times)}; processing again after "
                    f"{median(times):.2f} s (median), {max(times):.2f} s (max)"
                )
        yield from self.wrong[:20]


class Campaign:
    """`special_every`: each so many cycles something else than a SIGKILL. After that, and each
    `check_every` cycles, everything is compared."""

    def __init__(
        self,
        stack: Stack,
        log_dir: Path,
        *,
        seed: int,
        tell: Tell,
        rate: float = 30.0,
        special_every: int = 4,
        check_every: int = 4,
        special: tuple[Disturbance, ...] = SPECIAL,
    ) -> None:
        self.total = Total()
        self._stack, self._log_dir, self._tell = stack, log_dir, tell
        self._seed, self._random, self._rate = seed, Random(seed), rate
        self._special_every, self._check_every = special_every, check_every
        self._special, self._specials = special, 0

    def run(self, cycles: int) -> Total:
        """That many cycles; ends at the first round that found something wrong."""
        while self.total.cycles < cycles and not self.total.wrong:
            self._round(min(ROUND, cycles - self.total.cycles))
        return self.total

    def _round(self, cycles: int) -> None:
        directory = self._log_dir / f"round-{self.total.cycles}"
        engine = LiveEngine(self._stack, directory, roles=ROLES)
        try:
            engine.start()
            round_ = _Round(engine, self._seed + self.total.cycles, self._rate)
            try:
                self._cycles(round_, cycles)
            finally:
                round_.close()
                self._add(round_)
        except Exception as error:
            first: BaseException = error
            while first.__context__ is not None:  # closing fails too, and would hide it
                first = first.__context__
            self.total.wrong.append(f"{type(first).__name__}: {first}")
        finally:
            engine.stop()

    def _cycles(self, round_: "_Round", cycles: int) -> None:
        for number in range(1, cycles + 1):
            began = time.monotonic()
            checked = number == cycles or number % self._check_every == 0
            wrong = self._cycle(round_, checked=checked)
            self.total.cycles += 1
            took = time.monotonic() - began
            self._tell(f"cycle {self.total.cycles}: {round_.said}; {took:.1f} s")
            if wrong:
                self.total.wrong += wrong
                return

    def _cycle(self, round_: "_Round", *, checked: bool) -> list[str]:
        disturb = self._next()
        round_.flow(timed=disturb not in NOT_TIMED)
        round_.engine.pause(self._random.uniform(0.2, 1.0))
        round_.said = disturb(round_.disturber)
        round_.engine.pause(self._random.uniform(0.2, 1.0))
        round_.rest()
        if not checked and disturb not in self._special:
            return round_.too_long()
        wrong = round_.checker.check()
        round_.said += (
            f"; {round_.senders.commands} commands, {round_.checker.repeated} repeated, "
            f"{round_.checker.missing} missing, longest gap {round_.gap_s:.1f} s"
        )
        return wrong + round_.too_long()

    def _next(self) -> Disturbance:
        number = self.total.cycles + 1
        if self._special and number % self._special_every == 0:
            self._specials += 1
            return self._special[(self._specials - 1) % len(self._special)]
        return Disturber.kill

    def _add(self, round_: "_Round") -> None:
        total = self.total
        total.commands += round_.senders.commands
        total.prospects += round_.senders.prospects
        total.resumed += round_.witness.resumed
        total.events += round_.publisher.ledger.published
        total.repeated += round_.checker.repeated
        total.missing += round_.checker.missing
        if round_.gap_s > total.gap_s:
            total.gap_s, total.gap_at = round_.gaps()[0]
        for role, times in round_.disturber.kills.items():
            total.kills.setdefault(role, []).extend(times)


class _Round:
    """A site with its traffic, its readers, and who disturbs and who checks it."""

    def __init__(self, engine: LiveEngine, seed: int, rate: float) -> None:
        self.engine = engine
        self.said = ""
        self.witness = Witness(engine.settings)
        self.senders = Senders(engine.settings)
        self.publisher = Publisher(engine.settings, seed, rate)
        self.disturber = Disturber(engine, Random(seed))
        self.checker = Checker(
            engine.settings, engine.pause, self.publisher, self.senders, self.witness
        )
        self.publisher.tell_tenants()
        engine.wait_until(
            "tenants are known", lambda: self.witness.tenants >= len(TENANTS), START_S
        )
        self.publisher.tell_campaigns()
        every = len(TENANTS) * len(CAMPAIGNS)
        engine.wait_until("campaigns are ready", lambda: self.witness.ready == every, START_S)

    def flow(self, *, timed: bool) -> None:
        """Traffic, and a first sign of it, so that a gap is one of traffic under way."""
        seen = self.senders.seen
        self.publisher.run()
        self.engine.wait_until("the first command", lambda: self.senders.seen > seen)
        for reader in (self.witness, self.senders):
            reader.measure(timed)

    def rest(self) -> None:
        for reader in (self.witness, self.senders):
            reader.measure(False)
        self.publisher.rest()

    def gaps(self) -> list[tuple[float, str]]:
        """The longest gap of each stream, the longest first."""
        found = {**self.witness.gaps, **self.senders.gaps}
        return sorted(((gap, stream) for stream, gap in found.items()), reverse=True)

    @property
    def gap_s(self) -> float:
        return max((gap for gap, _ in self.gaps()), default=0.0)

    def too_long(self) -> list[str]:
        """A reader that waited too long."""
        if self.gap_s <= GAP_MAX_S:
            return []
        told = ", ".join(f"{stream} {gap:.1f} s" for gap, stream in self.gaps())
        return [f"a reader waited too long: {told}"]

    def close(self) -> None:
        self.publisher.end()
        for reader in (self.witness, self.senders):
            reader.close()
            reader.flush()
        self.disturber.close()


def own_directory(data: Path | None) -> Path:
    """Where stack and logs are kept; not pytest's own, which PostgreSQL could not pass through."""
    if data is None:
        return Path(tempfile.mkdtemp(prefix="touchstream-chaos-"))
    data.mkdir(parents=True, exist_ok=True)
    return data
