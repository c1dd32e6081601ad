"""The released Avro schemas: frozen files `<ce_type>.v<release>.avsc`. A new shape is a new file,
never an edit.

SHA256SUMS holds what they were on the day of their release, and a test compares.
"""

import json
from importlib.resources import files
from typing import Any

NAMESPACE = "touchstream"


def record_name(ce_type: str) -> str:
    """`job.completed` is the record JobCompleted, whichever model it shares with others."""
    return "".join(part.capitalize() for part in ce_type.split("."))


def _load() -> dict[str, list[Any]]:
    found: dict[str, dict[int, Any]] = {}
    for file in files(__name__).iterdir():
        stem, _, suffix = file.name.rpartition(".")
        if suffix == "avsc":
            ce_type, _, version = stem.rpartition(".v")
            found.setdefault(ce_type, {})[int(version)] = json.loads(file.read_text("utf-8"))
    return {name: [of[number] for number in sorted(of)] for name, of in sorted(found.items())}


RELEASED: dict[str, list[Any]] = _load()
"""All releases of each event, the oldest first."""


def newest(ce_type: str) -> Any:
    """The schema that everyone inside knows; an unknown event raises KeyError."""
    return RELEASED[ce_type][-1]
