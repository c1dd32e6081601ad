"""A released schema is never edited, and later releases can read its values."""

from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from fastavro.schema import fingerprint, to_parsing_canonical_form

from schemas.public.avro_moments import without_logical_types
from schemas.public.compatibility import compatibility_breaks
from schemas.public.events import EVENTS
from schemas.public.example_events import sample_model
from schemas.public.release import release, schema_of, sha256_sums
from schemas.public.released import RELEASED, newest
from tests.testing.public_records import decode_record, record_headers

HERE = Path(str(files("schemas.public.released")))


def test_no_released_file_was_edited_added_or_lost() -> None:
    assert (HERE / "SHA256SUMS").read_text("utf-8") == sha256_sums(HERE)


def test_every_event_has_all_its_releases() -> None:
    assert {name: len(releases) for name, releases in RELEASED.items()} == {
        name: event.version for name, event in EVENTS.items()
    }


@pytest.mark.parametrize("ce_type", EVENTS)
def test_the_newest_release_is_the_schema_of_the_model(ce_type: str) -> None:
    assert newest(ce_type) == schema_of(ce_type), (
        f"the model of {ce_type} differs from its newest release: raise the release of {ce_type} "
        "in _VERSIONS of schemas/public/events.py, then run `make generate`"
    )


@pytest.mark.parametrize("ce_type", RELEASED)
def test_every_release_can_be_read_with_later_releases(ce_type: str) -> None:
    assert compatibility_breaks(RELEASED[ce_type]) == []


OLDER = [
    (ce_type, number)
    for ce_type, releases in RELEASED.items()
    for number in range(1, len(releases))
]


def known_to(schema: Any, value: Any) -> Any:
    """What a value has that the schema knows."""
    match schema:
        case {"type": "record", "fields": fields}:
            return {f["name"]: known_to(f["type"], value[f["name"]]) for f in fields}
        case {"type": "map", "values": items}:
            return {name: known_to(items, item) for name, item in value.items()}
        case list() if value is not None:
            return known_to(next(branch for branch in schema if branch != "null"), value)
    return value


@pytest.mark.parametrize(("ce_type", "number"), OLDER)
def test_the_event_of_an_older_producer_has_the_defaults_of_later_fields(
    ce_type: str, number: int
) -> None:
    schema = RELEASED[ce_type][number - 1]
    whole = sample_model(ce_type).model_dump()
    if whole.get("automatic") is False:  # a default that meant that nobody knows
        whole["automatic"] = True
    known = known_to(schema, whole)
    stream = BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(without_logical_types(schema)), known)
    mark = bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
    headers = record_headers(f"{ce_type}.v{number}", content_type=b"application/avro")
    event = decode_record(headers, b"\xc3\x01" + mark + stream.getvalue())
    assert event.data == EVENTS[ce_type].model.model_validate(known)


@pytest.mark.parametrize(("ce_type", "number"), OLDER)
def test_an_older_reader_has_every_field_that_it_knows(ce_type: str, number: int) -> None:
    old, new = (
        fastavro.parse_schema(without_logical_types(schema))
        for schema in (RELEASED[ce_type][number - 1], newest(ce_type))
    )
    whole = sample_model(ce_type).model_dump()
    stream = BytesIO()
    fastavro.schemaless_writer(stream, new, whole)
    stream.seek(0)
    assert fastavro.schemaless_reader(stream, new, old) == known_to(old, whole)


def test_a_release_file_is_written_once(tmp_path: Path) -> None:
    assert len(release(tmp_path)) == len(EVENTS)
    path = tmp_path / "touch.sent.v1.avsc"
    path.write_text("{}", "utf-8")
    assert release(tmp_path) == []
    assert path.read_text("utf-8") == "{}"


def record(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": "TouchSent", "fields": list(fields)}


A = {"name": "a", "type": "string"}
NULLABLE = {"name": "b", "type": ["null", "string"], "default": None}


def test_adding_a_field_with_a_default_or_removing_a_field_is_compatible() -> None:
    assert compatibility_breaks([record(A), record(A, NULLABLE), record(NULLABLE)]) == []


def union(*branches: Any) -> dict[str, Any]:
    return record({"name": "a", "type": list(branches)})


def lists(*branches: Any) -> Any:
    return {"type": "array", "items": list(branches)}


BREAKS = [
    (record(A), record(A, {"name": "b", "type": "string"})),
    (record(A), record({"name": "a", "type": "long"})),
    (record(A), record({"name": "renamed", "type": "string"})),
    (record(NULLABLE), record({"name": "b", "type": "string"})),
    (union("null", "long", "string"), union("null", "long")),
    (union("null", lists("null", "long", "string")), union("null", lists("null", "long"))),
]


@pytest.mark.parametrize(("old", "new"), BREAKS)
def test_an_incompatible_change_is_found(old: Any, new: Any) -> None:
    assert compatibility_breaks([old, new]) != []


def test_an_incompatibility_two_releases_apart_is_found() -> None:
    middle = record({"name": "b", "type": "string", "default": ""})
    assert compatibility_breaks([record(A, NULLABLE), record(A), middle]) != []


def test_fingerprints_are_those_of_the_specification() -> None:
    # What the specification gives for "int"; single-object encoding has the little end first.
    assert bytes.fromhex(fingerprint('"int"', "CRC-64-AVRO"))[::-1].hex() == "7275d51a3f395c8f"
