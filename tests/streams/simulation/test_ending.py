"""How a simulation ends: when nothing is left, when time is up, or with a clear word."""

import errno
import io
import json
from pathlib import Path
from typing import Any

import pytest

from schemas.base.times import format_rfc3339
from streams.simulation.report import ReportExists, report
from tests.streams.cli.conftest import Touchstream
from tests.testing.simulation_harness import (
    AT_ONCE,
    campaign,
    scenario,
    step,
    tenant,
    tried,
    written,
)
from tests.testing.world import START

OUTREACH = "examples/outreach.yaml"


def endless() -> dict[str, Any]:
    """A step that waits for a reply, and leads back to itself when none comes."""
    again = {"branch": "mail"}
    return step("mail", wait_for={"event": "reply", "max_wait_hours": 600, "on_timeout": again})


def test_a_definition_that_never_ends_stops_when_time_is_up_and_says_so() -> None:
    trial = tried(scenario(campaign(endless()), behaviour={"email": AT_ONCE}, people=3))
    assert not trial.ended.finished
    assert trial.summary["simulation"]["finished"] is False
    assert trial.summary["runs"]["not_ended"] == 3
    assert trial.summary["touches"]["commanded"] == 3 * 15


def test_time_may_be_up_earlier() -> None:
    trial = tried(scenario(campaign(endless()), behaviour={"email": AT_ONCE}, hours=601))
    assert trial.summary["touches"]["commanded"] == 2
    assert trial.ended.at <= START + 601 * 3_600_000_000


def test_the_command_says_that_it_did_not_end(touchstream: Touchstream, tmp_path: Path) -> None:
    file = tmp_path / "endless.json"
    file.write_text(json.dumps(campaign(endless()).document))
    said = touchstream("simulate", file, "--people", 2, "--until", "1500h")
    assert said.code == 0
    assert "NOT FINISHED: time was up, and 2 runs go on" in said.out


def test_a_wait_for_a_person_is_no_endless_run() -> None:
    """Paused by a reply: nothing is left to happen until somebody decides."""
    replying = {"email": {**AT_ONCE, "replied": {"probability": 1}}}
    given = campaign(step("mail"), step("more", hours=100))
    trial = tried(scenario(given, behaviour=replying, people=2))
    assert trial.ended.finished
    assert (trial.summary["runs"]["paused"], trial.summary["runs"]["not_ended"]) == (2, 2)


def test_a_draft_is_tried_as_if_it_were_activated() -> None:
    draft = campaign(step("mail"), status="draft")
    assert draft.definition.status == "draft"
    trial = tried(scenario(draft, behaviour={"email": AT_ONCE}, people=2))
    assert trial.summary["runs"]["completed"] == 2


def test_limits_are_held_and_told() -> None:
    """Ten an hour for 25 people: three hours, and fifteen waited."""
    limited = tenant(limits={"email": 10})
    trial = tried(
        scenario(campaign(step("mail")), behaviour={"email": AT_ONCE}, people=25, owner=limited)
    )
    by_hour = [(row["hour"], row["touches"]) for row in trial.summary["touches"]["by_hour"]]
    hours = [format_rfc3339(START + n * 3_600_000_000) for n in range(3)]
    assert by_hour == list(zip(hours, (10, 10, 5), strict=True))
    assert [(row["reason"], row["times"]) for row in trial.summary["waited"]] == [("throttled", 15)]


# reports


def test_a_full_disk_leaves_no_report_and_says_so(
    touchstream: Touchstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report"
    with monkeypatch.context() as patched:
        patched.setattr("streams.simulation.report.open_file", full)
        said = touchstream("simulate", OUTREACH, "--people", 5, "--out", out)
    assert said.code == 1
    assert "No space left on device; there is no report" in said.err
    assert "Traceback" not in said.err
    assert list(tmp_path.iterdir()) == []


def full(path: Path) -> io.BufferedWriter:
    """A file on a disk that is full: buffered bytes fail as they are written out."""
    return io.BufferedWriter(Full(), 1 << 10)


class Full(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_place_that_cannot_be_written_is_told(touchstream: Touchstream, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    said = touchstream("simulate", OUTREACH, "--people", 1, "--out", tmp_path / "file" / "report")
    assert (said.code, "Traceback" in said.err) == (1, False)


def test_a_report_that_is_there_is_left_as_it_is(touchstream: Touchstream, tmp_path: Path) -> None:
    said = touchstream("simulate", OUTREACH, "--people", 1, "--out", tmp_path)
    assert (said.code, "exists already" in said.err) == (2, True)
    with pytest.raises(ReportExists), report(tmp_path):
        pass


def test_what_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with report(tmp_path / "report") as files:
            files.summary({})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_the_command_with_its_own_code(
    touchstream: Touchstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("streams.simulation.report.Report.facts", interrupt)
    said = touchstream("simulate", OUTREACH, "--people", 5, "--out", tmp_path / "report")
    assert said.code == 130
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_whole(tmp_path: Path) -> None:
    found = written(scenario(campaign(step("mail")), behaviour={}, people=2), tmp_path / "report")
    assert {name.partition(".")[0] for name in found} == {
        "commands",
        "enrollments",
        "events",
        "facts",
        "summary",
    }
    assert json.loads(found["summary.json"])["touches"]["commanded"] == 2
