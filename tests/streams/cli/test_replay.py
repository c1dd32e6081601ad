"""`touchstream replay` of files: its words, its JSON and its exit codes."""

import gzip
from pathlib import Path

import pytest

from processors.contact import touch_gates
from streams.cli import output
from tests.streams.cli.conftest import Touchstream

REVIEW = "tests/histories/review.jsonl.gz"


def test_nothing_differs(touchstream: Touchstream) -> None:
    said = touchstream("replay", REVIEW)
    assert (said.code, said.err) == (0, "")
    assert "55  touch.due compared" in said.out
    assert said.out.endswith("nothing differs\n")
    found = touchstream("replay", REVIEW, "--json").json()
    assert (found["agrees"], found["compared"]["touch.due"], found["first"]) == (True, 55, None)


def test_the_first_that_differs_is_shown_with_then_now_and_cause(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(touch_gates, "_first_closed", lambda *_: "no_address")
    said = touchstream("replay", REVIEW)
    assert (said.code, "differ" in said.err) == (1, True)
    first = said.out.splitlines()
    begin = next(n for n, line in enumerate(first) if line.startswith("first"))
    told, then, now, cause, decided, decides = first[begin : begin + 6]
    assert "2026-03-03T15:00:00Z RequestTouch not said now: tenant_id=acme contact_id=p00" in told
    assert "recipient=p0@example.com" in then and now.split() == ["now", "nothing"]
    assert "a timer that came due with contact-log[0]@" in cause and cause.endswith("Tick")
    assert "touch.requested 1  step_id=ask" in decided
    assert "touch.skipped 1  step_id=ask" in decides and "reason=no_address" in decides
    found = touchstream("replay", REVIEW, "--json").json()
    assert found["different"]["RequestTouch"] == {"missing": 58}
    assert found["first"]["cause"]["now"]["reason"] == "no_address"
    assert found["first"]["cause"]["record"]["topic"] == "contact-log"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--from-topics"),
        ((REVIEW, "--from-topics"), "one of them"),
        ((REVIEW, "--keep", "other"), "--keep goes with --from-topics"),
        (("README.md",), "is no recording"),
        (("nowhere.gz",), "nowhere.gz"),
    ],
)
def test_how_it_is_used_is_told(
    touchstream: Touchstream, arguments: tuple[str, ...], words: str
) -> None:
    said = touchstream("replay", *arguments)
    assert (said.code, words in said.err) == (2, True), said


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([b"{}"], "is no recording"),
        ([b'{"format": "touchstream recording", "version": 2, "layout": {}}'], "of format 2"),
        (
            [b'{"format": "touchstream recording", "version": 1, "layout": {}}', b"{oops"],
            "line 2",
        ),
    ],
    ids=["another", "later", "broken"],
)
def test_a_file_that_cannot_be_replayed_is_told(
    touchstream: Touchstream, tmp_path: Path, lines: list[bytes], words: str
) -> None:
    path = tmp_path / "some.gz"
    path.write_bytes(gzip.compress(b"\n".join(lines)))
    said = touchstream("replay", path)
    assert (said.code, words in said.err) == (2, True), said


def test_a_broker_that_is_not_there_is_told(
    touchstream: Touchstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTREAM_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr(output, "BROKER_TIMEOUT_S", 0.3)
    kept = tmp_path / "kept.gz"
    said = touchstream("replay", "--from-topics", "--keep", kept)
    assert (said.code, "does not answer" in said.err) == (3, True), said
    assert [*tmp_path.iterdir()] == []
