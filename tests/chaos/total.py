"""The results of a campaign of disturbances."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

GAP_MAX_S, CLUSTER_GAP_MAX_S, GAP_WITHOUT_BROKER_MAX_S = 15.0, 25.0, 40.0
"""The longest gaps of a reader: with one broker, with several, which leave a silent member in its
group for longer, and while one of several is away."""

PROBLEMS_SHOWN = 20


class Gap(NamedTuple):
    """The seconds for which a reader waited, and its stream."""

    seconds: float
    stream: str

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s {self.stream}".strip()


NO_GAP = Gap(0.0, "")


@dataclass
class DisturbanceTotal:
    """The cycles with one disturbance: the seconds of each, and the longest gap of a reader."""

    seconds: list[float] = field(default_factory=list)
    gap: Gap = NO_GAP

    def __str__(self) -> str:
        took = f"{median(self.seconds):6.1f} s (median) {max(self.seconds):6.1f} s (max)"
        return f"{len(self.seconds):4} cycles  {took}  longest gap {self.gap}"


@dataclass
class ChaosTotal:
    """The results of a campaign, by disturbance too. `recovery_s` are the seconds from a kill until
    the partitions were processed again, by role. One that is `cut` was ended by a signal; the cycle
    that it ended does not count."""

    cycles: int = 0
    commands: int = 0
    prospects: int = 0
    calls: int = 0
    resumed: int = 0
    candidates: int = 0
    completed: int = 0
    events: int = 0
    repeated: int = 0
    missing: int = 0
    differences: int = 0
    nights: int = 0
    late: int = 0
    cut: bool = False
    by_disturbance: dict[str, DisturbanceTotal] = field(default_factory=dict)
    recovery_s: dict[str, list[float]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add_cycle(self, disturbance: str, seconds: float, gap: Gap) -> None:
        self.cycles += 1
        same = self.by_disturbance.setdefault(disturbance, DisturbanceTotal())
        same.seconds.append(seconds)
        same.gap = max(same.gap, gap)

    def lines(self) -> Iterator[str]:
        """The results, line by line."""
        yield f"cycles {self.cycles}{' (cut)' if self.cut else ''}:"
        for name, each in sorted(self.by_disturbance.items()):
            yield f"  {name:32}{each}"
        seconds = [s for each in self.by_disturbance.values() for s in each.seconds]
        if seconds:
            yield f"a cycle took {median(seconds):.1f} s (median), {max(seconds):.1f} s (max)"
        yield f"events published {self.events}, commands {self.commands}"
        yield f"commands to prospects {self.prospects}, resumed after a reply {self.resumed}"
        yield f"slots of calls granted {self.calls}"
        yield f"messages of outreach {self.candidates}, campaigns completed {self.completed}"
        yield (
            f"commands repeated {self.repeated}, missing {self.missing}; "
            f"differences of verify {self.differences}"
        )
        yield f"nights with senders down {self.nights}, commands that came too late {self.late}"
        if self.by_disturbance:
            name, longest = max(self.by_disturbance.items(), key=lambda item: item[1].gap)
            yield f"longest reader gap {longest.gap} ({name})"
        for role, times in self.recovery_s.items():
            if times:
                yield (
                    f"kill -9 of {role}: {len(times)}; processing again after "
                    f"{median(times):.2f} s (median), {max(times):.2f} s (max)"
                )
        yield from self.problems[:PROBLEMS_SHOWN]
