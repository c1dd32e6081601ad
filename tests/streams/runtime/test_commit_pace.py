"""How long a worker waits between two commits."""

from streams.runtime.commit_pace import PAUSE_MAX_US, PAUSES_MAX, CommitPace

INTERVAL_US = 20_000
FEW, MANY = 10, 10_000


def pauses_after(*took_us: int, records: int = FEW) -> list[int]:
    """The pauses after commits that took so long, one after the other."""
    pace, now, pauses = CommitPace(INTERVAL_US, 1.0), 0, []
    for each in took_us:
        pace.committed(now, now + each, records)
        pauses.append(pace.next_at - now - each)
        now = pace.next_at
    return pauses


def test_commits_of_many_records_take_a_fifth_of_the_time() -> None:
    assert pauses_after(8_000, 8_000, records=MANY)[-1] == PAUSES_MAX * 8_000


def test_commits_of_few_records_are_an_interval_apart() -> None:
    assert pauses_after(8_000, 8_000) == [INTERVAL_US] * 2


def test_a_machine_on_which_all_commits_are_slow_makes_fewer_of_them() -> None:
    assert pauses_after(90_000, 90_000, 90_000) == [INTERVAL_US, PAUSE_MAX_US, PAUSE_MAX_US]


def test_a_single_slow_commit_is_followed_by_no_long_pause() -> None:
    slow = 90_000
    assert pauses_after(5_000, 5_000, slow, 5_000, slow) == [INTERVAL_US] * 5
    assert pauses_after(6_000, 6_000, slow, records=MANY)[-1] == PAUSES_MAX * 9_000
