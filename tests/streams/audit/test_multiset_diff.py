"""The multiset difference of expected records and found ones."""

from streams.audit.multiset_diff import ComparedRecord, MultisetDiff


def test_a_record_that_is_found_less_often_than_expected_is_missing() -> None:
    diff = MultisetDiff()
    for _ in range(2):
        diff.add_expected(ComparedRecord(b"k", b"v", 0))
    diff.add_found(ComparedRecord(b"k", b"v", 0))
    assert (len(list(diff.missing())), list(diff.unexpected())) == (1, [])


def test_a_difference_in_key_value_partition_or_headers_makes_another_record() -> None:
    for other in (
        ComparedRecord(b"l", b"v", 0),
        ComparedRecord(b"k", b"w", 0),
        ComparedRecord(b"k", b"v", 1),
        ComparedRecord(b"k", b"v", 0, (("ce_type", b"x"),)),
    ):
        diff = MultisetDiff()
        diff.add_expected(ComparedRecord(b"k", b"v", 0))
        diff.add_found(other)
        assert (len(list(diff.missing())), len(list(diff.unexpected()))) == (1, 1), other
        diff.add_found(ComparedRecord(b"k", b"v", 0))
        diff.add_expected(other)
        assert (list(diff.missing()), list(diff.unexpected())) == ([], [])


def test_an_optional_record_may_be_missing_and_is_found_once() -> None:
    diff = MultisetDiff()
    diff.add_expected(ComparedRecord(b"k", b"v", 0), optional=True)
    assert list(diff.missing()) == []
    diff.add_found(ComparedRecord(b"k", b"v", 0))
    diff.add_found(ComparedRecord(b"k", b"v", 0))
    assert len(list(diff.unexpected())) == 1
