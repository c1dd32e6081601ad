"""What was said beside what stands there."""

from streams.audit.multiset_diff import Balance, Said


def test_what_stands_there_less_often_than_it_was_said_is_missing() -> None:
    balance = Balance()
    for _ in range(2):
        balance.said(Said(b"k", b"v", 0))
    balance.found(Said(b"k", b"v", 0))
    assert (len(list(balance.missing())), list(balance.beyond())) == (1, [])


def test_whatever_differs_is_another_record() -> None:
    for other in (
        Said(b"l", b"v", 0),
        Said(b"k", b"w", 0),
        Said(b"k", b"v", 1),
        Said(b"k", b"v", 0, (("ce_type", b"x"),)),
    ):
        balance = Balance()
        balance.said(Said(b"k", b"v", 0))
        balance.found(other)
        assert (len(list(balance.missing())), len(list(balance.beyond()))) == (1, 1), other
        balance.found(Said(b"k", b"v", 0))
        balance.said(other)
        assert (list(balance.missing()), list(balance.beyond())) == ([], [])
