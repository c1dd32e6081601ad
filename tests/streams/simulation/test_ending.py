"""How a simulation ends: when nothing is left to happen, at its time limit, or with an error."""

import errno
import io
import json
from pathlib import Path
from typing import Any

import pytest

from schemas.base.times import format_rfc3339
from streams.simulation.report import ReportExists, open_report
from tests.testing.builders import step
from tests.testing.command_line import Touchstream
from tests.testing.simulation_harness import (
    SENT_AT_ONCE,
    campaign,
    scenario,
    simulate,
    tenant,
    write_simulation_report,
)
from tests.testing.world import START

OUTREACH = "examples/outreach.yaml"


def endless_step() -> dict[str, Any]:
    """A step that waits for a reply, and goes back to itself if none comes."""
    again = {"branch": "mail"}
    return step("mail", wait_for={"event": "reply", "max_wait_hours": 600, "on_timeout": again})


def test_a_definition_that_never_ends_stops_at_the_time_limit() -> None:
    trial = simulate(
        scenario(campaign(endless_step()), behaviour={"email": SENT_AT_ONCE}, people=3)
    )
    assert not trial.result.finished
    assert trial.summary["simulation"]["finished"] is False
    assert trial.summary["runs"]["not_ended"] == 3
    assert trial.summary["touches"]["commanded"] == 3 * 15


def test_the_time_limit_may_be_earlier() -> None:
    trial = simulate(
        scenario(campaign(endless_step()), behaviour={"email": SENT_AT_ONCE}, hours=601)
    )
    assert trial.summary["touches"]["commanded"] == 2
    assert trial.result.ended_at <= START + 601 * 3_600_000_000


def test_the_command_reports_that_the_time_limit_was_reached(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "endless.json"
    file.write_text(json.dumps(campaign(endless_step()).document))
    result = touchstream("simulate", file, "--people", 2, "--until", "1500h")
    assert result.code == 0
    assert "NOT FINISHED: time was up, and 2 runs go on" in result.out


def test_runs_that_wait_for_a_person_let_the_simulation_finish() -> None:
    """A reply pauses the runs; nothing else happens until a person resumes them."""
    replying = {"email": {**SENT_AT_ONCE, "replied": {"probability": 1}}}
    definition = campaign(step("mail"), step("more", hours=100))
    trial = simulate(scenario(definition, behaviour=replying, people=2))
    assert trial.result.finished
    assert (trial.summary["runs"]["paused"], trial.summary["runs"]["not_ended"]) == (2, 2)


def test_a_draft_is_simulated_as_if_it_were_activated() -> None:
    draft = campaign(step("mail"), status="draft")
    assert draft.definition.status == "draft"
    trial = simulate(scenario(draft, behaviour={"email": SENT_AT_ONCE}, people=2))
    assert trial.summary["runs"]["completed"] == 2


def test_limits_hold_and_are_reported() -> None:
    """With ten an hour, 25 people take three hours, and fifteen of them wait."""
    limited = tenant(limits={"email": 10})
    trial = simulate(
        scenario(
            campaign(step("mail")), behaviour={"email": SENT_AT_ONCE}, people=25, owner=limited
        )
    )
    by_hour = [(row["hour"], row["touches"]) for row in trial.summary["touches"]["by_hour"]]
    hours = [format_rfc3339(START + n * 3_600_000_000) for n in range(3)]
    assert by_hour == list(zip(hours, (10, 10, 5), strict=True))
    assert [(row["reason"], row["times"]) for row in trial.summary["waited"]] == [("throttled", 15)]


# Reports


def test_a_full_disk_leaves_no_report_and_is_reported(
    touchstream: Touchstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report"
    with monkeypatch.context() as patched:
        patched.setattr("streams.simulation.report.open_file", open_full_disk)
        result = touchstream("simulate", OUTREACH, "--people", 5, "--out", out)
    assert result.code == 1
    assert "No space left on device; no report was written" in result.err
    assert "Traceback" not in result.err
    assert list(tmp_path.iterdir()) == []


def open_full_disk(path: Path) -> io.BufferedWriter:
    """Opens a file on a full disk: writing the buffered bytes fails."""
    return io.BufferedWriter(FullDisk(), 1 << 10)


class FullDisk(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_place_that_cannot_be_written_is_reported(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no directory")
    result = touchstream("simulate", OUTREACH, "--people", 1, "--out", tmp_path / "file" / "report")
    assert (result.code, "Traceback" in result.err) == (1, False)


def test_an_existing_report_is_left_as_it_is(touchstream: Touchstream, tmp_path: Path) -> None:
    result = touchstream("simulate", OUTREACH, "--people", 1, "--out", tmp_path)
    assert (result.code, "exists already" in result.err) == (2, True)
    with pytest.raises(ReportExists), open_report(tmp_path):
        pass


def test_an_interrupted_report_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with open_report(tmp_path / "report") as writer:
            writer.write_summary({})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_the_command_with_code_130(
    touchstream: Touchstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("streams.simulation.report.ReportWriter.on_facts", interrupt)
    result = touchstream("simulate", OUTREACH, "--people", 5, "--out", tmp_path / "report")
    assert result.code == 130
    assert list(tmp_path.iterdir()) == []


def test_a_report_has_all_its_files(tmp_path: Path) -> None:
    files = write_simulation_report(
        scenario(campaign(step("mail")), behaviour={}, people=2), tmp_path / "report"
    )
    assert {name.partition(".")[0] for name in files} == {
        "commands",
        "enrollments",
        "events",
        "facts",
        "summary",
    }
    assert json.loads(files["summary.json"])["touches"]["commanded"] == 2
