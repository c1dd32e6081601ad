"""The multiset difference of expected records and found ones."""

import pytest

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


def numbered(number: int, source: str = "") -> ComparedRecord:
    return ComparedRecord(b"k", f"{source}{number}".encode(), 0)


@pytest.mark.parametrize("found_first", [False, True])
def test_of_a_cut_topic_only_what_was_before_the_first_found_record_may_be_missing(
    found_first: bool,
) -> None:
    """Of source a the records 3 and 5 are found, of source b none: all were before."""
    diff = MultisetDiff()

    def find() -> None:
        for number in (3, 5):
            diff.add_found(numbered(number, "a"))

    if found_first:
        find()
    for number in range(1, 7):
        for source in "ab":
            diff.add_expected(numbered(number, source), cut_source=source)
    if not found_first:
        find()
    texts = [text.rpartition(" ")[2] for text in diff.missing()]
    assert texts == ["b'a4'", "b'a6'"]
    assert list(diff.unexpected()) == []
    diff.add_found(numbered(7, "a"))
    assert len(list(diff.unexpected())) == 1


def test_a_record_that_may_come_of_a_cut_record_is_not_unexpected() -> None:
    diff = MultisetDiff()
    diff.add_found(numbered(1), optional=True)
    assert list(diff.unexpected()) == []
    diff.add_expected(numbered(1))
    diff.add_expected(numbered(1))
    assert len(list(diff.missing())) == 1
