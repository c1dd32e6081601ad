"""`touchstream replay` of files: its text, its JSON and its exit codes."""

import gzip
from pathlib import Path

import pytest

from processors.contact import touch_gates
from streams.cli import command_settings
from tests.testing.command_line import Touchstream

REVIEW, EDGE = "tests/histories/review.jsonl.gz", "tests/histories/edge.jsonl.gz"


def test_nothing_differs(touchstream: Touchstream) -> None:
    result = touchstream("replay", EDGE)
    assert (result.code, result.err) == (0, "")
    assert "111  touch.due compared" in result.out
    assert result.out.endswith("nothing differs\n")
    found = touchstream("replay", EDGE, "--json").json()
    assert (found["agrees"], found["compared"]["touch.due"], found["first"]) == (True, 111, None)


def test_the_first_difference_is_shown_with_then_now_and_cause(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(touch_gates, "_first_closed", lambda *_: "no_address")
    result = touchstream("replay", REVIEW)
    assert (result.code, "differ" in result.err) == (1, True)
    lines = result.out.splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith("first"))
    first, then, now, cause, decided_then, decided_now = lines[begin : begin + 6]
    missing = "RequestTouch is missing now: tenant_id=acme contact_id=p00"
    assert f"2026-03-03T15:00:00Z {missing}" in first
    assert "recipient=p0@example.com" in then and now.split() == ["now", "nothing"]
    assert "a timer that came due with contact-log[0]@" in cause and cause.endswith("Tick")
    assert "touch.requested 1  step_id=ask" in decided_then
    assert "touch.skipped 1  step_id=ask" in decided_now and "reason=no_address" in decided_now
    found = touchstream("replay", REVIEW, "--json").json()
    assert found["different"]["RequestTouch"] == {"missing": 58}
    assert found["first"]["cause"]["now"]["reason"] == "no_address"
    assert found["first"]["cause"]["record"]["topic"] == "contact-log"


def test_a_long_output_is_cut_with_a_note(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(touch_gates, "_first_closed", lambda *_: "no_address")
    monkeypatch.setattr("streams.cli.replay.OUTPUT_CHARS_MAX", 20)
    (then,) = [line for line in touchstream("replay", REVIEW).out.splitlines() if "(cut" in line]
    assert then.startswith("  then  ") and then.endswith("… (cut; --json shows all)")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--from-topics"),
        ((REVIEW, "--from-topics"), "either a FILE or --from-topics"),
        ((REVIEW, "--keep", "other"), "--keep needs --from-topics"),
        (("README.md",), "is no recording"),
        (("nowhere.gz",), "nowhere.gz"),
    ],
)
def test_wrong_usage_is_reported(
    touchstream: Touchstream, arguments: tuple[str, ...], message: str
) -> None:
    result = touchstream("replay", *arguments)
    assert (result.code, message in result.err) == (2, True), result


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([b"{}"], "is no recording"),
        ([b'{"format": "touchstream recording", "version": 2, "layout": {}}'], "of version 2"),
        (
            [b'{"format": "touchstream recording", "version": 1, "layout": {}}', b"{oops"],
            "line 2",
        ),
    ],
    ids=["another", "later", "broken"],
)
def test_a_file_that_cannot_be_replayed_is_reported(
    touchstream: Touchstream, tmp_path: Path, lines: list[bytes], message: str
) -> None:
    path = tmp_path / "some.gz"
    path.write_bytes(gzip.compress(b"\n".join(lines)))
    result = touchstream("replay", path)
    assert (result.code, message in result.err) == (2, True), result


def test_a_missing_broker_is_reported_and_no_file_is_left(
    touchstream: Touchstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTREAM_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr(command_settings, "BROKER_TIMEOUT_S", 0.3)
    kept = tmp_path / "kept.gz"
    result = touchstream("replay", "--from-topics", "--keep", kept)
    assert (result.code, "does not answer" in result.err) == (3, True), result
    assert [*tmp_path.iterdir()] == []
