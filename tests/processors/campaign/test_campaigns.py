"""The campaign processor: definitions, versions, statuses and acknowledgements (C-4, C-8)."""

from typing import Any

import msgspec
import pytest

from processors.campaign.lifecycle import STATUS_CHANGES
from schemas.internal.enrollment import Status
from schemas.internal.facts import FactKind
from schemas.internal.messages import ChangeCampaign, DeleteTemplate, DeleteTenant, PublishCampaign
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import CampaignRecord, CampaignState
from schemas.internal.topics import Layout
from tests.testing.builders import CAMPAIGN, TENANT, campaign_document, publish, step
from tests.testing.story import (
    HOUR,
    START,
    World,
    change_campaign,
    deliver,
    enrolled,
    enrollment_of,
    job,
    reasons,
    scheduled_steps,
    tenant,
    working_senders,
    world_with_campaign,
)

_decode = msgspec.msgpack.Decoder(CampaignState).decode


def record(world: World, campaign_id: str = CAMPAIGN) -> CampaignRecord:
    """The state of a campaign in the campaign processor."""
    for (_, key), value in world.states("campaign").items():
        if key == f"c/{TENANT}/{campaign_id}".encode():
            state = _decode(payload_of(value))
            assert isinstance(state, CampaignRecord)
            return state
    raise LookupError(campaign_id)


def test_an_invalid_document_is_refused_with_every_problem_in_one_fact() -> None:
    steps = [
        {"id": "a", "channel": "pigeon", "delay_hours": 0},
        {"id": "a", "channel": "email", "delay_hours": -3},
    ]
    world = deliver(deliver(World(), tenant()), publish(name="", steps=steps))
    (fact,) = world.facts(FactKind.CAMPAIGN_REFUSED)
    assert (fact.reason, fact.campaign_id) == ("CAMPAIGN_INVALID", CAMPAIGN)
    assert fact.values is not None
    problems = [(p["code"], p["place"]) for p in fact.values["problems"]]
    assert sorted(problems) == [
        ("CAMPAIGN_CHANNEL_UNKNOWN", "steps[0].channel"),
        ("CAMPAIGN_DELAY_INVALID", "steps[0].delay_hours"),
        ("CAMPAIGN_DELAY_INVALID", "steps[1].delay_hours"),
        ("CAMPAIGN_NAME_REQUIRED", "name"),
        ("CAMPAIGN_STEP_ID_DUPLICATE", "steps[1].id"),
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"steps": [step(f"s{n}", hours=24) for n in range(5)]}, "CAMPAIGN_TOO_MANY_STEPS"),
        ({"steps": []}, "CAMPAIGN_STEPS_REQUIRED"),
        ({"preset": True}, "CAMPAIGN_PRESET_READ_ONLY"),
        ({"service_type": "yachts"}, "CAMPAIGN_SERVICE_TYPE_UNKNOWN"),
        ({"steps": [step("a", "voice", hours=24)]}, "CAMPAIGN_CHANNEL_NOT_SUPPORTED"),
        ({"surprise": 1}, "CAMPAIGN_FIELD_UNKNOWN"),
    ],
)
def test_a_definition_against_the_rules_is_refused(changes: dict[str, Any], code: str) -> None:
    world = deliver(deliver(World(), tenant()), publish(**changes))
    (fact,) = world.facts(FactKind.CAMPAIGN_REFUSED)
    assert fact.values is not None
    assert [p["code"] for p in fact.values["problems"]] == [code]


def test_a_document_of_another_tenant_is_refused() -> None:
    body = msgspec.json.encode(campaign_document(tenant_id="other"))
    world = deliver(
        deliver(World(), tenant()), PublishCampaign(TENANT, CAMPAIGN, f"b#{body!r}", START, body)
    )
    assert reasons(world, FactKind.CAMPAIGN_REFUSED) == ["CAMPAIGN_INVALID"]


def test_bytes_that_are_no_document_are_refused() -> None:
    world = deliver(World(), tenant())
    for body in (b"\xff\xfe", b"{" * 500, b"", b"- a\n- b"):
        deliver(world, PublishCampaign(TENANT, CAMPAIGN, f"b#{body!r}", START, body))
    assert reasons(world, FactKind.CAMPAIGN_REFUSED) == ["CAMPAIGN_INVALID"] * 4


def test_an_invalid_new_version_leaves_the_old_one_active() -> None:
    world = deliver(world_with_campaign(), publish(steps=[]))
    deliver(world, job())
    assert (record(world).version, enrollment_of(world).version) == (1, 1)


def test_the_same_document_again_is_no_new_version_and_ready_at_once() -> None:
    world = world_with_campaign()
    world.append(publish())
    world.run_worker("campaign")
    world.run_worker("campaign")
    assert record(world).version == 1
    assert len(world.facts(FactKind.CAMPAIGN_READY)) == 2
    assert len(world.facts(FactKind.CAMPAIGN_PUBLISHED)) == 1


def test_a_campaign_is_ready_only_when_every_partition_knows() -> None:
    world = World(Layout(public=1, contact=3, dispatch=1, campaign=1, commands=1, facts=1))
    deliver(world, tenant())
    world.append(publish())
    world.run_worker("campaign")
    world.run_worker("campaign")
    assert world.facts(FactKind.CAMPAIGN_READY) == []
    world.settle()
    assert record(world).acknowledged_by == [0, 1, 2]
    assert len(world.facts(FactKind.CAMPAIGN_READY)) == 1


def test_acknowledgements_of_an_old_version_do_not_make_the_new_one_ready() -> None:
    world = deliver(World(), tenant())
    world.append(publish())
    world.run_worker("campaign")
    world.run_worker("campaign")
    world.append(publish(name="Second"))
    world.settle()
    assert [f.version for f in world.facts(FactKind.CAMPAIGN_READY)] == [2]


def test_a_service_type_has_one_campaign() -> None:
    world = world_with_campaign(service_type="hvac")
    deliver(world, publish(campaign_id="b", service_type="hvac"))
    assert reasons(world, FactKind.CAMPAIGN_REFUSED) == ["CAMPAIGN_SERVICE_TYPE_TAKEN"]


def test_all_services_counts_as_one_service_type() -> None:
    world = deliver(world_with_campaign(), publish(campaign_id="b"))
    assert reasons(world, FactKind.CAMPAIGN_REFUSED) == ["CAMPAIGN_SERVICE_TYPE_TAKEN"]


def test_a_draft_occupies_no_service_type_and_cannot_be_activated_into_an_occupied_one() -> None:
    world = deliver(world_with_campaign(), publish(campaign_id="b", status="draft"))
    assert reasons(world, FactKind.CAMPAIGN_REFUSED) == []
    deliver(world, change_campaign(world, "activated", "b"))
    assert reasons(world, FactKind.EVENT_REFUSED) == ["CAMPAIGN_SERVICE_TYPE_TAKEN"]
    deliver(world, change_campaign(world, "deleted"))
    deliver(world, change_campaign(world, "activated", "b"))
    assert record(world, "b").status == "active"


def test_a_paused_campaign_keeps_its_service_type() -> None:
    world = world_with_campaign()
    deliver(world, change_campaign(world, "paused"))
    deliver(world, publish(campaign_id="b"))
    assert reasons(world, FactKind.CAMPAIGN_REFUSED) == ["CAMPAIGN_SERVICE_TYPE_TAKEN"]


def test_a_new_version_may_move_to_another_service_type() -> None:
    world = world_with_campaign(service_type="hvac")
    deliver(world, publish(service_type="roofing"))
    deliver(world, publish(campaign_id="b", service_type="hvac"))
    deliver(world, job(service_type="hvac"))
    assert enrollment_of(world).campaign_id == "b"


PATHS = {
    "draft": (),
    "active": ("activated",),
    "paused": ("activated", "paused"),
    "completed": ("activated", "completed"),
    "cancelled": ("activated", "cancelled"),
    "archived": ("activated", "completed", "archived"),
    "deleted": ("deleted",),
}
ACTIONS = ("activated", "paused", "resumed", "completed", "cancelled", "archived", "deleted")


@pytest.mark.parametrize("status", PATHS)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_status_changes_only_as_the_table_allows(status: str, action: str) -> None:
    world = world_with_campaign(status="draft")
    deliver(world, *[change_campaign(world, before) for before in PATHS[status]])
    assert record(world).status == status
    deliver(world, change_campaign(world, action))
    becomes = STATUS_CHANGES[status].get(action)
    assert record(world).status == (becomes or status)
    assert len(world.facts(FactKind.EVENT_REFUSED)) == (becomes is None)


def test_the_table_of_status_changes_is_that_of_c8() -> None:
    pairs = {(a, b) for a, row in STATUS_CHANGES.items() for b in row.values() if b != "deleted"}
    assert pairs == {
        ("draft", "active"),
        ("active", "paused"),
        ("paused", "active"),
        ("active", "completed"),
        ("paused", "completed"),
        ("completed", "archived"),
        ("draft", "cancelled"),
        ("active", "cancelled"),
        ("paused", "cancelled"),
        ("cancelled", "archived"),
    }


def test_nothing_can_be_published_over_an_ended_campaign() -> None:
    for end in ("completed", "cancelled", "deleted"):
        world = world_with_campaign()
        deliver(world, change_campaign(world, end))
        deliver(world, publish(name="Again"))
        assert reasons(world, FactKind.CAMPAIGN_REFUSED) == [f"CAMPAIGN_{end.upper()}"]


def test_orders_for_an_unknown_tenant_or_campaign_are_refused() -> None:
    world = world_with_campaign()
    deliver(world, publish(tenant_id="nobody"))
    assert reasons(world, FactKind.CAMPAIGN_REFUSED) == ["TENANT_UNKNOWN"]
    deliver(
        world,
        change_campaign(world, "paused", "nothing"),
        ChangeCampaign("nobody", CAMPAIGN, "paused", "x#1", START),
        DeleteTenant("nobody", "x#2", START),
        DeleteTemplate("nobody", "t", "x#3", START),
    )
    codes = reasons(world, FactKind.EVENT_REFUSED)
    assert codes == ["CAMPAIGN_UNKNOWN", "TENANT_UNKNOWN", "TENANT_UNKNOWN", "TENANT_UNKNOWN"]


def test_a_running_enrollment_keeps_its_version_and_the_next_job_starts_with_the_new_one() -> None:
    world = enrolled(steps=[step("a", hours=24), step("b", hours=24)])
    deliver(world, publish(steps=[step("x", hours=5)]))
    deliver(world, job(contact_id="ben"))
    world.advance_hours(60, working_senders())
    assert sorted(scheduled_steps(world)) == [("a", 24), ("b", 48), ("x", 5)]
    assert {enrollment_of(world).version, enrollment_of(world, contact_id="ben").version} == {1, 2}


def test_a_new_version_of_a_paused_campaign_leaves_it_paused() -> None:
    world = enrolled()
    deliver(world, change_campaign(world, "paused"))
    deliver(world, publish(name="Other"))
    assert (record(world).status, enrollment_of(world).status) == ("paused", Status.FROZEN)


def test_older_settings_of_a_tenant_that_arrive_later_change_nothing() -> None:
    world = world_with_campaign()
    deliver(world, tenant(at=START - HOUR, timezone="Asia/Tokyo"))
    deliver(world, job())
    assert len(world.facts(FactKind.TENANT_UPDATED)) == 1


def test_a_version_that_names_a_deleted_template_lists_it() -> None:
    world = world_with_campaign(
        steps=[step("a", hours=24, template_id="old"), step("b", hours=24, template_id="new")]
    )
    deliver(world, DeleteTemplate(TENANT, "old", "x#9", world.now))
    steps = [step("a", hours=24, template_id="old"), step("b", hours=24, template_id="newer")]
    deliver(world, publish(steps=steps))
    fact = world.facts(FactKind.CAMPAIGN_READY)[-1]
    assert (fact.values or {})["templates_gone"] == ["old"]
