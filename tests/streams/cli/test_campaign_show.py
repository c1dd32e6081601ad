"""`touchstream campaign show` and `touchstream experiment show`: what they show of states that the
campaign processor has stored."""

from typing import Any

import msgspec
import pytest

from schemas.base.times import HOUR, MINUTE
from schemas.campaigns.compiled_definition import Experiment, OutreachTerms
from schemas.internal.campaign_states import Decision, ExperimentRecord
from tests.testing.command_line import CommandResult, Touchstream
from tests.testing.stored_campaigns import (
    NOW,
    TALENT,
    experiment_counts,
    store_campaigns,
    talent_definition,
    talent_record,
    tenant_record,
)

COUNTS = {
    "runs": 4490,
    "live": 120,
    "frozen": 30,
    "out": 3,
    "reached": 4420,
    "responses": 618,
    "conversions": 45,
    "implied_responses": 2,
    "opt_outs": 4,
    "bounces": 6,
    "sent_email": 6000,
    "ended_completed": 4000,
    "ended_converted": 300,
}
END_DAY = 20553  # 2026-04-10


def show(touchstream: Touchstream, *options: object) -> CommandResult:
    return touchstream("campaign", "show", TALENT, "--tenant", "acme", *options)


def test_progress_and_what_the_completion_waits_for_are_shown(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = talent_record(
        counts=COUNTS | experiment_counts(), definition=talent_definition(end_day=END_DAY)
    )
    record.dates = {"end": 1_775_880_000_000_000}
    store_campaigns(monkeypatch, record)
    result = show(touchstream)
    assert result.code == 0, result
    for line in (
        f"{TALENT} of acme: active",
        "  ends 2026-04-11 00:00 EDT, in 21 days",
        "  contacts reached  4,420 of 500, 884.0 %: reached",
        "  response rate     13.98 % of 15.00 %: not reached",
        "  end date          2026-04-11 00:00 EDT, in 21 days",
        "  targets           a response rate of 15.00 % (now 13.98 %)",
        "  all processed     120 go on and 30 are held by a pause or a reply; then 15 minutes"
        " without a new one",
        "  conversions without a response           2",
        "  conversions per response            7.28 %",
        "  conversions per reached             1.02 %",
        "  java-q1 at step first: not decided, A leads",
        "    A java-short: 2,230 reached, 15.16 % responses, 1.26 % conversions",
        f"  more: touchstream experiment show --campaign {TALENT} --tenant acme",
    ):
        assert line in result.out.splitlines(), (line, result.out)
    assert "Problems" not in result.out and "Recommended" not in result.out


def test_the_view_as_json(touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch) -> None:
    store_campaigns(monkeypatch, talent_record(counts=COUNTS | experiment_counts()))
    view = show(touchstream, "--json").json()
    assert (view["status"], view["phase"], view["as_of"]) == (
        "active",
        "active",
        "2026-03-20T15:00:00Z",
    )
    assert view["targets"] == [
        {
            "name": "contacts",
            "actual": 4420,
            "target": 500,
            "is_reached": True,
            "decides": True,
        },
        {
            "name": "response_rate",
            "actual": 13.98,
            "target": 15.0,
            "is_reached": False,
            "decides": True,
        },
    ]
    targets, processed = view["completion"]
    assert (targets["rule"], targets["targets"]) == ("targets", ["response_rate"])
    assert (processed["live"], processed["frozen"], processed["quiet_seconds"]) == (120, 30, 900)
    assert view["counts"] == COUNTS
    assert view["rates"] == {
        "response_rate": 13.98,
        "conversion_rate": 7.28,
        "overall_rate": 1.02,
        "response_rate_of_all": 13.76,
    }
    (experiment,) = view["experiments"]
    assert (experiment["experiment_id"], experiment["leader"]) == ("java-q1", "A")
    assert view["outreach"]["target_contacts"] == 500


def test_a_draft_shows_what_its_activation_would_refuse_and_what_is_recommended(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = talent_definition()
    bare = msgspec.structs.replace(definition, outreach=OutreachTerms("owner-1"))
    store_campaigns(monkeypatch, talent_record("draft", definition=bare))
    result = show(touchstream)
    assert (
        "CAMPAIGN_NO_CONTACTS at contacts: Cannot activate campaign with 0 contacts" in result.out
    )
    assert "CAMPAIGN_NO_SENDER at steps[0].channel: no sender account sends by email" in result.out
    assert "outreach.target_audience: recommended" in result.out
    assert "nobody is enrolled yet" in result.out


def test_the_people_of_a_draft_wait_for_the_activation(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_campaigns(monkeypatch, talent_record("draft", counts={"runs": 30, "frozen": 30}))
    text = show(touchstream).out
    assert "all processed     30 wait for the activation; then 15 minutes" in text
    assert f"  {'wait for the activation':<32}{30:>10}" in text.splitlines()
    assert "held" not in text


def test_a_stage_that_nobody_has_come_to_is_0_and_not_left_out(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_campaigns(monkeypatch, talent_record(counts={"runs": 30, "live": 30}))
    lines = show(touchstream).out.splitlines()
    for word in ("reached", "responses", "conversions"):
        assert f"  {word:<32}{0:>10}" in lines
    assert f"  {'responses per reached':<32}{'no data':>10}" in lines
    (row,) = listed(touchstream, "--json").json()["campaigns"]
    assert (row["reached"], row["responses"], row["conversions"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("responses", "reached", "shown"),
    [(5, 28, "17.86 % of 15.00 %: reached"), (2999, 20000, "14.99 % of 15.00 %: not reached")],
)
def test_the_rate_beside_its_target_is_that_of_the_other_pages_and_never_rounded_up_to_it(
    touchstream: Touchstream,
    monkeypatch: pytest.MonkeyPatch,
    responses: int,
    reached: int,
    shown: str,
) -> None:
    counts = {"runs": reached, "reached": reached, "responses": responses}
    store_campaigns(monkeypatch, talent_record(counts=counts))
    assert f"  response rate     {shown}" in show(touchstream).out.splitlines()


def test_what_is_recommended_is_not_shown_of_a_campaign_that_is_over(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_campaigns(monkeypatch, talent_record(counts=COUNTS))
    assert "settings.end_date: recommended" in show(touchstream).out
    store_campaigns(monkeypatch, talent_record("completed", counts=COUNTS, ended_at=NOW - HOUR))
    assert "recommended" not in show(touchstream).out


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"first_day": END_DAY}, ": armed: active, but its first day is ahead"),
        ({"status": "paused"}, ": paused"),
        (
            {"status": "completed", "ended_at": NOW - HOUR, "end_reason": "targets"},
            ": settling: completed; commands are still out",
        ),
        (
            {"status": "completed", "ended_at": NOW - HOUR, "settled_at": NOW - MINUTE},
            ": settled: completed; no command is out any more",
        ),
        ({"status": "archived", "ended_at": NOW - HOUR}, ": archived"),
    ],
)
def test_the_phase_is_derived(
    touchstream: Touchstream,
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, Any],
    line: str,
) -> None:
    store_campaigns(monkeypatch, talent_record(counts=COUNTS, **fields))
    result = show(touchstream)
    assert result.out.splitlines()[0] == f"{TALENT} of acme{line}"
    over = fields.get("status") in ("completed", "archived")
    assert ("Completes at the first of" in result.out) is not over
    if fields.get("end_reason"):
        assert "completed 2026-03-20 10:00 EDT, by its targets" in result.out


def test_states_that_are_old_are_shown_as_such(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_campaigns(monkeypatch, talent_record(), as_of=NOW - 3 * HOUR)
    lines = show(touchstream).out.splitlines()
    place = lines.index("  as of 2026-03-20T12:00:00Z; the counts are up to a second older")
    assert lines[place + 1].startswith("  no record for 3 hours: touchstream status shows")
    store_campaigns(monkeypatch, talent_record(), as_of=NOW - 3 * HOUR, speed=600)
    assert "no record for" not in show(touchstream).out  # 18 seconds
    store_campaigns(monkeypatch, talent_record(), as_of=NOW - 1_234_567)
    text = show(touchstream).out
    assert "as of 2026-03-20T14:59:58Z;" in text and "no record for" not in text


def test_what_does_not_exist_is_named(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_campaigns(monkeypatch, talent_record(), tenant=tenant_record())
    missing = touchstream("campaign", "show", "none", "--tenant", "acme")
    assert (missing.code, "acme has no campaign none" in missing.err) == (1, True)
    other = touchstream("campaign", "show", TALENT, "--tenant", "bolt")
    assert (other.code, "there is no tenant bolt" in other.err) == (1, True)
    test = touchstream("experiment", "show", "none", "--tenant", "acme")
    assert (test.code, "acme has no experiment none" in test.err) == (1, True)


def experiment(touchstream: Touchstream, *options: object) -> CommandResult:
    return touchstream("experiment", "show", "--tenant", "acme", *options)


def test_the_display_of_the_source_is_reproduced(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N-12: 15.2 % / 8.3 %, 12.8 % / 6.1 %, +2.4 and +2.2 points, p = 0.023."""
    store_campaigns(monkeypatch, talent_record(counts=experiment_counts()))
    result = experiment(touchstream, "java-q1")
    assert result.code == 0, result
    lines = result.out.splitlines()
    assert lines[0] == f"java-q1 at step first of {TALENT}: not decided, A leads"
    assert "Variant A: 15.2 % response rate, 8.3 % conversion rate" in lines
    assert "Variant B: 12.8 % response rate, 6.1 % conversion rate" in lines
    assert "Difference: +2.4 points response rate, +2.2 points conversion rate (p = 0.023)" in lines
    assert any(line.startswith("response ") and "2.273" in line for line in lines)
    assert any(line.startswith("conversion per response") and "0.292" in line for line in lines)
    assert any(line.startswith("conversion *") and "0.112" in line for line in lines)
    assert "A winner still needs p_always of 0.05 at most" in result.out


def test_an_experiment_that_has_reached_nobody_has_a_dash_for_every_number(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = experiment_counts(counts={"A": {"runs": 2}, "B": {"runs": 1}})
    store_campaigns(monkeypatch, talent_record(counts={"runs": 3, "live": 3} | nobody))
    text = experiment(touchstream, "java-q1").out
    assert "p_always of 0.05 at most (now -, e = - of 20)" in text
    assert "None" not in text


def test_the_tables_fit_eighty_columns(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.cli.output.terminal_width", lambda: 80)
    store_campaigns(monkeypatch, talent_record(counts=COUNTS | experiment_counts()))
    for result in (experiment(touchstream, "java-q1"), show(touchstream)):
        assert max(map(len, result.out.splitlines())) <= 80


def test_a_decision_is_shown_as_final(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = Decision("A", NOW - HOUR, {})
    kept = ExperimentRecord("java-q1", 25_000_000, 1_000_000, decision, [0, 1])
    definition = talent_definition()
    first, *rest = definition.steps
    assert first.experiment is not None
    switching = msgspec.structs.replace(first.experiment, on_winner="switch_unsent")
    first = msgspec.structs.replace(first, experiment=switching)
    definition = msgspec.structs.replace(definition, steps=(first, *rest))
    record = talent_record(
        counts=experiment_counts(), definition=definition, experiments={"java-q1": kept}
    )
    store_campaigns(monkeypatch, record)
    result = experiment(touchstream, "--campaign", TALENT)
    assert "Variant A: 15.2 % response rate, 8.3 % conversion rate ✓ WINNER" in result.out
    assert "Decided 2026-03-20T14:00:00Z for good: A wins." in result.out
    assert "2 partitions of contact-log do so" in result.out
    (row,) = experiment(touchstream, "java-q1", "--json").json()["experiments"]
    assert (row["winner"], row["is_decided"], row["decided_at"], row["switched_by"]) == (
        "A",
        True,
        "2026-03-20T14:00:00Z",
        [0, 1],
    )


def test_strata_of_a_changed_split_are_shown_apart(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"A": {"runs": 80, "reached": 80, "responses": 9}, "B": {"runs": 20, "reached": 20}}
    counts = experiment_counts() | experiment_counts(split=80, counts=few)
    store_campaigns(monkeypatch, talent_record(counts=counts))
    result = experiment(touchstream, "java-q1")
    assert any(line.startswith("80/20") for line in result.out.splitlines())
    assert "p_fixed is that of Cochran, Mantel and Haenszel" in result.out
    (row,) = experiment(touchstream, "java-q1", "--json").json()["experiments"]
    assert [(part["split"], part["a"]["reached"]) for part in row["strata"]] == [
        (50, 2230),
        (80, 80),
    ]


def test_an_alarm_of_the_sample_ratio_is_loud(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    skewed = {"A": {"runs": 8200, "reached": 8200}, "B": {"runs": 1800, "reached": 1800}}
    store_campaigns(monkeypatch, talent_record(counts=experiment_counts(counts=skewed)))
    result = experiment(touchstream, "java-q1")
    assert "SAMPLE RATIO ALARM: 82.00 % of the reached got A, 50.00 % were expected" in result.out


def test_the_usual_rule_is_named_with_its_error(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = talent_definition()
    first, *rest = definition.steps
    by_response = Experiment("java-q1", "java-short", "java-long", primary_metric="response")
    first = msgspec.structs.replace(first, experiment=by_response)
    definition = msgspec.structs.replace(definition, steps=(first, *rest))
    store_campaigns(monkeypatch, talent_record(counts=experiment_counts(), definition=definition))
    result = experiment(touchstream, "java-q1")
    assert "The usual rule, p_fixed under 0.05 at this look, would name A." in result.out
    assert "Not decided: A leads." in result.out


@pytest.mark.parametrize("options", [(), ("java-q1", "--campaign", TALENT)])
def test_one_of_an_experiment_and_a_campaign_is_given(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    store_campaigns(monkeypatch, talent_record())
    result = experiment(touchstream, *options)
    assert (result.code, "one of both" in result.err) == (2, True)


def listed(touchstream: Touchstream, *options: object) -> CommandResult:
    return touchstream("campaign", "list", "--tenant", "acme", *options)


def test_the_campaigns_of_a_tenant_are_listed_newest_first(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S4-62, S4-108."""
    old = talent_record(counts=COUNTS, created_at=NOW - 900 * HOUR, campaign_id="old")
    new = talent_record("draft", created_at=NOW - HOUR, campaign_id="new")
    gone = talent_record("deleted", campaign_id="gone")
    store_campaigns(monkeypatch, old, new, gone)

    def ids(*options: object) -> list[str]:
        rows = listed(touchstream, *options, "--json").json()["campaigns"]
        return [row["campaign_id"] for row in rows]

    assert ids() == ["new", "old"] and ids("--oldest-first") == ["old", "new"]
    assert ids("--status", "active", "--status", "deleted") == ["gone", "old"]
    assert ids("--type", "mixed") == ids("--owner", "nobody") == ids("--kind", "calls") == []
    assert ids("--owner", "a1b2c3d4-e5f6-4a5b-8c9d-0e1f2a3b4c5d") == ["new", "old"]
    rows = listed(touchstream, "--json").json()["campaigns"]
    assert (rows[1]["reached"], rows[1]["response_rate"], rows[0]["reached"]) == (4420, 13.98, None)
    assert "13.98 %" in listed(touchstream).out
    assert listed(touchstream, "--type", "mixed").out == "no campaigns\n"


@pytest.mark.parametrize("option", ["--status", "--kind", "--type"])
def test_an_unknown_filter_is_refused(touchstream: Touchstream, option: str) -> None:
    result = listed(touchstream, option, "other")
    assert (result.code, f"{option} other: must be one of" in result.err) == (2, True)
