"""The three system presets: read-only, for every service type, without templates (S0-8 to S0-15).

A preset cannot be published. `duplicate` makes the text of an ordinary campaign from a preset.
"""

from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from schemas.campaigns.yaml_document import parse_document

PRESET_NAMES = ("conservative", "standard", "aggressive")


class Preset(NamedTuple):
    """A preset, with the campaign document that its duplicates begin with."""

    id: str
    name: str
    description: str
    document: dict[str, Any]


class PresetUnknown(LookupError):
    """There is no preset with this name."""


def list_presets() -> list[Preset]:
    """All presets, from the fewest touches to the most (S0-15)."""
    return list(_PRESETS.values())


def duplicate(
    preset: str, tenant_id: str, campaign_id: str, name: str, service_type: str | None = None
) -> str:
    """The YAML text of a campaign of the tenant, with a comment at each missing template (S0-10).

    The ids, the name and the service type are not checked; `schemas.campaigns.definition` does
    that. Raises PresetUnknown if there is no such preset.
    """
    if preset not in _PRESETS:
        raise PresetUnknown(f"{preset[:50]} is none of " + ", ".join(PRESET_NAMES))
    document = _PRESETS[preset].document
    head = (
        f"# From the preset {preset}. A step without a template is not sent.",
        f"tenant_id: {_quoted(tenant_id)}",
        f"campaign_id: {_quoted(campaign_id)}",
        f"name: {_quoted(name)}",
        f"description: {_quoted(document['description'])}",
        f"kind: {document['kind']}",
        f"service_type: {_quoted(service_type)}  # null: every job",
        "status: active",
        "steps:",
    )
    return "\n".join([*head, *(_step(step) for step in document["steps"])]) + "\n"


def _step(step: dict[str, Any]) -> str:
    return "\n".join(
        (
            f"  - id: {step['id']}",
            f"    channel: {step['channel']}",
            f"    template_id: null  # the {step['channel']} template to send",
            f"    delay_hours: {step['delay_hours']}",
        )
    )


def _quoted(value: str | None) -> str:
    """A value as JSON, which is valid YAML for any text."""
    return msgspec.json.encode(value).decode()


def _load(name: str) -> Preset:
    document = parse_document(files(__name__).joinpath(f"{name}.yaml").read_bytes())
    return Preset(name, document["name"], document["description"], document)


_PRESETS = {name: _load(name) for name in PRESET_NAMES}
