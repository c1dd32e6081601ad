"""The whole demo, small and fast, on the real servers."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

DEMO_TIMEOUT_S = 500.0
STOP_TIMEOUT_S = 30.0
"""An interrupted demo ends within 10 s, unless the machine is loaded."""

RUN = "import sys; from streams.demo import run; sys.exit(run(customers={}, seconds={}, json=True))"
LOSE_A_TOUCH = """
import psycopg
from streams.demo import final_check

recount = final_check.recount
LOST = "DELETE FROM touchstream.touches WHERE ctid = (SELECT min(ctid) FROM touchstream.touches)"

def recount_without_it(settings, progress):
    with psycopg.connect(settings.dsn()) as connection:
        assert connection.execute(LOST).rowcount == 1
    return recount(settings, progress)

final_check.recount = recount_without_it
"""


def demo(customers: int, seconds: int, before: str = "") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", before + RUN.format(customers, seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_weeks_of_sixty_customers_end_and_the_recount_agrees() -> None:
    running = demo(60, 15)
    stdout, stderr = running.communicate(timeout=DEMO_TIMEOUT_S)
    assert running.returncode == 0, stderr
    result = json.loads(stdout)
    assert result["agrees"] is True
    assert result["differences"] == []
    assert result["sends"] > 80
    assert result["facts_by_kind"]["enrollment.frozen"] > 0
    assert len(result["stories"]) == 3
    assert {row["campaign_id"] for row in result["prospects"]} == {"outreach", "partners"}
    assert result["facts_by_kind"]["trigger.met"] > 0
    assert result["facts_by_kind"]["trigger.timed_out"] > 0
    calls = result["calls"]
    assert calls["slots_held"] == 0
    assert all(calls["granted"][name] > 0 for name in ("lakeside-plumbing", "pacific-hvac"))
    assert {row["status"] for row in calls["campaigns"]} == {"completed"}
    assert sum(result["accounts"].values()) > 0
    assert {row["tenant_id"] for row in result["analytics"]} == {
        "lakeside-plumbing",
        "thames-cleaning",
        "pacific-hvac",
    }


def test_a_missing_row_is_reported_by_the_recount_and_the_exit_code_is_1() -> None:
    running = demo(30, 12, LOSE_A_TOUCH)
    stdout, stderr = running.communicate(timeout=DEMO_TIMEOUT_S)
    assert running.returncode == 1, stderr
    result = json.loads(stdout)
    assert result["agrees"] is False
    assert len(result["differences"]) == 1
    assert "touches" in result["differences"][0]


def test_an_interrupted_demo_ends_all_its_processes(tmp_path: Path) -> None:
    running = demo(60, 60)
    assert running.stderr is not None
    for line in running.stderr:
        if "known to every partition" in line:
            break
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=STOP_TIMEOUT_S)
    assert running.returncode == 130, stderr
