"""Names that are stored in logs, changelogs, hashes and reports stay when the code renames
things."""

import msgspec
import pytest

from schemas.campaigns.compiled_definition import CampaignSettings, Step, StepWait
from schemas.internal import messages as m
from schemas.internal.enrollment import Touch
from schemas.internal.states import State, TaskPosition


@pytest.mark.parametrize(
    ("struct", "tag"),
    [
        (m.BackfilledEvent("acme", "ann", "/s#1", 0, b""), "Past"),
        (m.CampaignAcknowledged("acme", "c", 1, 0), "CampaignKnown"),
        (TaskPosition(0, 0, 0, None), "Place"),
    ],
)
def test_a_renamed_struct_keeps_its_tag(struct: m.Message | State, tag: str) -> None:
    assert msgspec.msgpack.decode(m.encode(struct))[0] == tag


@pytest.mark.parametrize("struct", [Step, StepWait, CampaignSettings])
def test_a_duration_is_stored_under_a_name_without_its_unit(struct: type[msgspec.Struct]) -> None:
    stored = [name for name in struct.__struct_encode_fields__ if name.endswith("_us")]
    assert stored == []
    assert any(name.endswith("_us") for name in struct.__struct_fields__)


def test_the_step_id_of_the_command_ids_keeps_its_name_in_reports() -> None:
    names = dict(zip(Touch.__struct_fields__, Touch.__struct_encode_fields__, strict=True))
    assert names["command_step_id"] == "asked_id"
    assert all(name == stored for name, stored in names.items() if name != "command_step_id")
