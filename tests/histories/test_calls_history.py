"""What the recorded history of calls contains: without it, a replay would prove nothing of calls,
slots and sender accounts."""

from pathlib import Path

from schemas.internal import facts
from schemas.internal.facts import FactKind
from schemas.internal.topics import Topic
from streams.audit.replay.recording import RecordingFile

CALLS = Path(__file__).parent / "calls.jsonl.gz"

SLOTS: set[tuple[FactKind, str | None]] = {
    (FactKind.CALL_SLOT_GRANTED, None),
    (FactKind.CALL_SLOT_EXPIRED, None),
    (FactKind.CALL_OVERRUN, None),
    *((FactKind.CALL_SLOT_FREED, each) for each in ("answered", "busy", "no_answer", "voicemail")),
    *((FactKind.CALL_SLOT_FREED, each) for each in ("provider_limit", "invalid_number", "unknown")),
    (FactKind.TOUCH_DEFERRED, "call_slots_agent"),
    (FactKind.TOUCH_DEFERRED, "call_slots_pool"),
    (FactKind.TOUCH_DEFERRED, "call_slots_tenant"),
    (FactKind.TOUCH_DEFERRED, "number_gap"),
    (FactKind.TOUCH_DEFERRED, "suppressions_pending"),
}
ITEMS: set[tuple[FactKind, str | None]] = {
    (FactKind.TOUCH_RETRIED, "busy"),
    (FactKind.TOUCH_RETRIED, "provider_limit"),
    (FactKind.TOUCH_FAILED, "no_outcome"),
    (FactKind.TOUCH_SENT, "sent_after_no_outcome"),
    (FactKind.TOUCH_SENT, "sent_after_contact_erased"),
    (FactKind.TOUCH_SENT, "sent_after_owner_stopped"),
    (FactKind.TOUCH_SKIPPED, "opted_out_voice"),
    (FactKind.TOUCH_WITHDRAWN, "campaign_paused"),
    (FactKind.CALL_REVIEWED, None),
    (FactKind.CAMPAIGN_STATUS_CHANGED, "completed"),
}
ACCOUNTS: set[tuple[FactKind, str | None]] = {
    (FactKind.TOUCH_DEFERRED, "sender_spacing"),
    (FactKind.TOUCH_DEFERRED, "sender_day"),
    (FactKind.TOUCH_DEFERRED, "sender_window"),
    (FactKind.TOUCH_DEFERRED, "sender_throttled"),
    (FactKind.TOUCH_DEFERRED, "campaign_new_day"),
    (FactKind.SENDER_UPDATED, None),
    (FactKind.SENDER_THROTTLED, None),
    (FactKind.SENDER_USED, None),
    (FactKind.SENDER_REMOVED, None),
}


def test_the_history_of_calls_contains_every_kind_of_event() -> None:
    emitted = [
        facts.decode(entry.record.value)
        for (topic, _), entries in RecordingFile(CALLS).batches()
        for entry in entries
        if topic is Topic.FACTS
    ]
    assert (SLOTS | ITEMS | ACCOUNTS) - {(fact.fact, fact.reason) for fact in emitted} == set()
    granted = [fact.tenant_id for fact in emitted if fact.fact is FactKind.CALL_SLOT_GRANTED]
    assert {*granted} == {"acme", "brass"}
    commanded = [fact for fact in emitted if fact.fact is FactKind.TOUCH_COMMANDED]
    assert len({fact.contact_id for fact in commanded if fact.channel == "voice"}) >= 18
