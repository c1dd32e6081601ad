"""Rules with their logs in memory give the answers of the rules, command after command."""

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.shared.forecast_gates import count_day
from processors.shared.forecast_plan import MemoryLog, PlannedSender
from processors.shared.limit_rules import (
    Calendar,
    LoggedRule,
    Rolling,
    SendHours,
    Spacing,
    bucket_end,
    settle,
)
from processors.shared.memory_rules import FAR, MemoryRules, Tally
from processors.shared.sender_rules import warm_up_rule, window_of
from schemas.base.times import DAY, HOUR, MINUTE, SECOND, parse_rfc3339
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal.limit_terms import SenderTerms

MONDAY = parse_rfc3339("2026-03-02T09:00:00Z")
ZONE = "America/New_York"
OFFICE = StepWindow(9 * 60, 17 * 60)

few = st.integers(1, 8)
many = st.integers(FAR - 2, FAR + 20)
numbers = few | many
jitters = st.sampled_from((0, 40))
rules = st.one_of(
    numbers.map(lambda n: Rolling("hour", "hour", n, HOUR)),
    st.builds(
        lambda n, jitter: Rolling("day", "day", n, DAY, jitter, "a0", ZONE), numbers, jitters
    ),
    st.builds(
        lambda n, unit, jitter: Calendar("of", "of", n, DAY, unit, ZONE, 0, jitter, "a0"),
        numbers,
        st.sampled_from(("day", "week")),
        jitters,
    ),
    st.builds(
        lambda gap_us, jitter_us: Spacing("gap", "gap", gap_us, jitter_us),
        st.sampled_from((SECOND, 20 * MINUTE)),
        st.sampled_from((0, 30 * SECOND)),
    ),
    st.just(SendHours("window", "window", window_of(ZONE, OFFICE))),
)
stepped = Rolling("week", "week", 1_001, 7 * DAY)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(rules, max_size=5),
    st.none() | st.tuples(few, st.integers(0, 2), many),
    st.lists(st.sampled_from((0, 0, 0, 1, 30, 24 * 60)), min_size=1, max_size=FAR + 30),
)
def test_they_are_settled_like_any_others(
    found: list[Rolling | Calendar | Spacing | SendHours],
    warm_up: tuple[int, int, int] | None,
    pauses: list[int],
) -> None:
    log, steps = MemoryLog(), MemoryLog()
    sender = PlannedSender(SenderTerms("a0", {}, ZONE, warm_up=warm_up))
    logged: list[LoggedRule] = [(stepped, steps), *((rule, log) for rule in found)]
    rule = warm_up_rule(sender.terms)
    if rule is not None:
        logged.append((rule, sender))
    tally, now = Tally(), MONDAY
    in_memory = MemoryRules(logged, tally)
    for number, minutes in enumerate(pauses):
        now += minutes * MINUTE
        assert in_memory.settle(now) == settle(logged, now)
        now = in_memory.settle(now)[0]
        log.times.append(now)
        log.last_at, log.last_hash = now, number * 7 * SECOND
        steps.times.append(bucket_end(now, stepped.step_us))
        if rule is not None:
            count_day(sender, now)
        tally.commands += 1
