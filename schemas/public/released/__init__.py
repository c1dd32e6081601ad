"""The released Avro schemas, in files `<ce_type>.v<release>.avsc` that are never edited.

A changed model gets a new file. SHA256SUMS has the checksum of each file at its release, and a test
compares them.
"""

import json
from importlib.resources import files
from typing import Any

NAMESPACE = "touchstream"


def record_name(ce_type: str) -> str:
    """The name of an event's Avro record: JobCompleted for `job.completed`."""
    return "".join(part.capitalize() for part in ce_type.split("."))


def _load() -> dict[str, list[Any]]:
    schemas: dict[str, dict[int, Any]] = {}
    for file in files(__name__).iterdir():
        stem, _, suffix = file.name.rpartition(".")
        if suffix == "avsc":
            ce_type, _, version = stem.rpartition(".v")
            schemas.setdefault(ce_type, {})[int(version)] = json.loads(file.read_text("utf-8"))
    return {
        ce_type: [by_version[version] for version in sorted(by_version)]
        for ce_type, by_version in sorted(schemas.items())
    }


RELEASED: dict[str, list[Any]] = _load()
"""The schemas of each event, the oldest release first."""


def newest(ce_type: str) -> Any:
    """The newest released schema of an event. Raises KeyError if there is no such event."""
    return RELEASED[ce_type][-1]
