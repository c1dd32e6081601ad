"""The checker of slots in a disturbed engine finds what may not be: more calls than slots, a call
that gets two, a slot that nobody gives back."""

from typing import Any

from schemas.base.times import SECOND, format_rfc3339
from tests.chaos.calls import BEHAVIOURS, LOST_OF, POOL, TENANT_SLOTS, SlotLedger
from tests.testing.world import START

PLAIN, LOST = "k-0", f"k-{BEHAVIOURS * LOST_OF + BEHAVIOURS - 1}"


def fact(
    kind: str, command_id: str, seconds: int, contact_id: str = PLAIN, used: int = 0
) -> dict[str, Any]:
    return {
        "fact": f"call.{kind}",
        "at": format_rfc3339(START + seconds * SECOND),
        "tenant_id": "north",
        "contact_id": contact_id,
        "command_id": command_id,
        "values": {"pool_id": POOL, "limits": {"call_slots_pool": {"used": used, "limit": 2}}},
    }


def ledger(*facts: dict[str, Any]) -> SlotLedger:
    made = SlotLedger()
    for each in facts:
        made.on_fact(each)
    return made


def test_slots_that_are_granted_and_given_back_are_no_problem() -> None:
    ends = ("slot_freed", "slot_expired")
    facts = [
        fact(kind, f"c-{n}", n + place)
        for n in range(20)
        for place, kind in enumerate(("slot_granted", ends[n % 2]))
    ]
    assert ledger(*facts).problems() == []


def test_more_calls_than_slots_are_found_from_moments_and_from_values() -> None:
    facts = [fact("slot_granted", f"c-{n}", n, LOST) for n in range(TENANT_SLOTS + 1)]
    assert len(ledger(*facts).problems()) == 1
    assert "above the limit" in ledger(fact("slot_granted", "c", 0, LOST, used=2)).problems()[0]


def test_a_call_that_is_granted_twice_is_found() -> None:
    twice = [fact(kind, "c", n) for n in range(2) for kind in ("slot_granted", "slot_freed")]
    assert ledger(*twice).problems() == ["granted 2 times: c"]


def test_a_slot_is_held_at_rest_only_where_the_end_is_lost() -> None:
    assert "held at rest" in ledger(fact("slot_granted", "c", 0)).problems()[0]
    assert ledger(fact("slot_granted", "c", 0, LOST)).problems() == []
