"""Reads and writes Avro values in two framings; the first bytes identify the writer's schema.

Confluent framing: 00, then the schema's id in a registry (4 bytes, big-endian). Single-object
encoding: C3 01, then the CRC-64-AVRO of the schema's canonical form (8 bytes, little-endian); it
needs no registry, because the fingerprints of all released schemas are known here. A value is read
with the writer's schema and resolved to the newest release. Times are integers of microseconds; the
writer's logical types are honoured (schemas/public/avro_moments.py).
"""

import json
from collections.abc import Callable
from io import BytesIO
from struct import Struct
from struct import error as StructError
from typing import Any, NamedTuple

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, fingerprint, to_parsing_canonical_form

from schemas.base.error_codes import RefusalCode, Refused
from schemas.public.avro_decoder import DecodeValue, compile_decoder
from schemas.public.avro_moments import with_moments, without_logical_types
from schemas.public.released import RELEASED, newest, record_name

Resolve = Callable[[int], str | None]
"""Returns the schema with an id as JSON text, or None if the registry has no such id. Raises
SchemaUnavailable if the registry does not answer: then the record may be good or bad."""

_CONFLUENT = Struct(">BI")
_SINGLE = b"\xc3\x01"
FRAMES = (b"\x00", _SINGLE)
"""With these bytes a framed value begins, and no JSON text."""

_SCHEMA_ID_MAX = 2**31 - 1
_TRUNCATED = (IndexError, EOFError, StructError)


class SchemaReader(NamedTuple):
    """Reads the values of one writer's schema. `record` is the name of the Avro record."""

    record: str
    read: DecodeValue


def read_frame(
    value: bytes, resolve: Resolve | None, readers: dict[int, SchemaReader]
) -> tuple[SchemaReader, int]:
    """The reader of a framed value, and the index at which its body begins.

    `readers` caches the reader of each schema id, because a registry never changes the schema of an
    id. Raises Refused if the frame or its schema is not known.
    """
    if value[:2] == _SINGLE:
        reader = BY_FINGERPRINT.get(value[2:10])
        if reader is None:
            raise _unknown_schema(value, 10, f"fingerprint {value[2:10].hex()}")
        return reader, 10
    if value[:1] != b"\x00":
        raise Refused(RefusalCode.NOT_AVRO, "it begins with neither 00 nor C3 01")
    if len(value) < _CONFLUENT.size:
        raise Refused(RefusalCode.AVRO_TRUNCATED, "the value ends within its frame")
    schema_id: int = _CONFLUENT.unpack_from(value)[1]
    reader = readers.get(schema_id)
    if reader is None:
        if not 0 < schema_id <= _SCHEMA_ID_MAX:
            # A serializer with ids of 8 bytes, as Apicurio's was by default, writes zeros first.
            detail = (
                f"{schema_id} is no schema id of 4 bytes: a serializer that writes ids of 8 bytes"
                " must be set to Confluent's framing"
            )
            raise Refused(RefusalCode.NOT_AVRO, detail)
        text = resolve(schema_id) if resolve is not None else None
        if text is None:
            raise _unknown_schema(value, 5, f"schema id {schema_id}")
        reader = readers[schema_id] = schema_reader(text)
    return reader, 5


def read_body(reader: SchemaReader, body: bytes) -> Any:
    """The value of a body as plain Python values of the newest release.

    Raises Refused if the bytes do not fit their schema.
    """
    try:
        return reader.read(body)
    except _TRUNCATED:
        raise Refused(RefusalCode.AVRO_TRUNCATED, "the value ends before its last field") from None
    except SchemaResolutionError:
        detail = "its schema cannot be read as the newest release"
        raise Refused(RefusalCode.AVRO_SCHEMA_MISMATCH, detail) from None
    # For invalid bytes the general reader has no exception of its own.
    except Exception as error:
        raise Refused(RefusalCode.NOT_AVRO, f"{type(error).__name__} while reading") from None


def schema_reader(text: str) -> SchemaReader:
    """The reader for a schema of a registry, given as JSON text.

    Raises Refused if it is not the schema of an event.
    """
    try:
        schema = json.loads(text)
        fastavro.parse_schema(schema)
        record = str(schema["name"]).rpartition(".")[2]
    except (SchemaParseException, ValueError, TypeError, LookupError, RecursionError) as error:
        detail = f"the registry's schema is no Avro record: {type(error).__name__}"
        raise Refused(RefusalCode.AVRO_SCHEMA_UNKNOWN, detail) from None
    ce_type = _CE_TYPE.get(record)
    if ce_type is None:
        raise Refused(RefusalCode.AVRO_SCHEMA_MISMATCH, f"{record} is no event of ours")
    return _reader(record, schema, newest(ce_type))


def frame_single(ce_type: str, datum: dict[str, Any]) -> bytes:
    """The fields of an event as Avro of the newest release, in single-object encoding."""
    return _SINGLE + _FINGERPRINT[ce_type] + _body(ce_type, datum)


def frame_confluent(ce_type: str, datum: dict[str, Any], schema_id: int) -> bytes:
    """The fields of an event as Avro of the newest release, in Confluent framing."""
    return _CONFLUENT.pack(0, schema_id) + _body(ce_type, datum)


class _ExactBytesIO(BytesIO):
    """A stream whose `read` raises EOFError if bytes are missing.

    From a plain stream the general reader accepts a truncated text as a shorter text.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if len(data) != size:
            raise EOFError
        return data


def _reader(record: str, writer: Any, latest: Any) -> SchemaReader:
    old = with_moments(writer, latest)
    plain = old == without_logical_types(writer)
    if plain and to_parsing_canonical_form(writer) == to_parsing_canonical_form(latest):
        return SchemaReader(record, compile_decoder(latest))
    new: Any = fastavro.parse_schema(without_logical_types(latest))
    # A producer may use a namespace of its own; only the name of the record must match.
    old = fastavro.parse_schema(old | {"name": new["name"], "namespace": ""})
    unknown = _former_defaults(writer, _CE_TYPE[record])

    def read(body: bytes) -> Any:
        stream = _ExactBytesIO(body)
        datum: Any = fastavro.schemaless_reader(stream, old, new)
        if stream.tell() != len(body):
            raise ValueError("the value has another length")
        for name, default in unknown:
            if datum[name] == default:
                datum[name] = None
        return datum

    return SchemaReader(record, read)


def _former_defaults(writer: Any, ce_type: str) -> list[tuple[str, Any]]:
    """The fields of the writer's schema whose default stands for "not known", with that default.

    In an older release such a field could not be null, so its default was written where the
    producer knew nothing. In the newest release it is null by default.
    """
    defaults = {f["name"]: f["default"] for f in newest(ce_type)["fields"] if "default" in f}
    former = {
        (field["name"], json.dumps(field["default"]))
        for release in RELEASED[ce_type]
        for field in release["fields"]
        if field.get("default") is not None and defaults.get(field["name"], "") is None
    }
    return [
        (field["name"], field["default"])
        for field in writer["fields"]
        if (field["name"], json.dumps(field.get("default"))) in former
    ]


def _rabin(schema: Any) -> bytes:
    """The fingerprint of a schema in single-object encoding, little-endian."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


def _body(ce_type: str, datum: dict[str, Any]) -> bytes:
    stream = BytesIO()
    fastavro.schemaless_writer(stream, _WRITER[ce_type], datum)
    return stream.getvalue()


def _unknown_schema(value: bytes, frame: int, which: str) -> Refused:
    if len(value) < frame:
        return Refused(RefusalCode.AVRO_TRUNCATED, "the value ends within its frame")
    return Refused(RefusalCode.AVRO_SCHEMA_UNKNOWN, f"{which} is not known")


_CE_TYPE = {record_name(name): name for name in RELEASED}
_FINGERPRINT = {name: _rabin(newest(name)) for name in RELEASED}
_WRITER = {name: fastavro.parse_schema(without_logical_types(newest(name))) for name in RELEASED}

BY_FINGERPRINT: dict[bytes, SchemaReader] = {
    _rabin(schema): _reader(record_name(name), schema, releases[-1])
    for name, releases in RELEASED.items()
    for schema in releases
}
