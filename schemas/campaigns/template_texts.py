"""Checks what a campaign document has about its templates: copies of their texts, and the channels
that they are made for.

Templates are with the senders, and an id shows nothing of them. Both are checked here and are no
part of the definition.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from schemas.base.error_codes import CampaignCode
from schemas.campaigns.compiled_definition import Step
from schemas.campaigns.validation import Check
from schemas.channels import CHANNELS

TEXT_CHARACTERS = 20_000
TEMPLATES_MAX = 500
_INVALID = CampaignCode.TEMPLATE_INVALID
_token = re.compile(r"\{\{?\s*[A-Za-z_][\w.-]*\s*\}").search


def check_text(
    check: Check, row: dict[str, Any], field: str, place: str, channel: str, action: str
) -> None:
    """Reports a text of a template that the channel does not take (S4-89, S4-90)."""
    text = check.text(row, field, TEXT_CHARACTERS, _INVALID, place)
    if text is None or channel not in CHANNELS:
        return
    place, maximum = f"{place}.{field}", CHANNELS[channel].text_characters.get(action)
    if maximum is not None and len(text) > maximum:
        message = f"{action} by {channel} has at most {maximum} characters: here are {len(text)}"
        check.report(_INVALID, place, message)
    if CHANNELS[channel].text_tokens and _token(text) is None:
        message = f"a text by {channel} has a token for the person, such as {{{{first_name}}}}"
        check.report(_INVALID, place, message)


def check_template_channels(check: Check, root: dict[str, Any], steps: Sequence[Step]) -> None:
    """Reports templates that a step uses on another channel than the one that `templates` of the
    document has for them (S4-64)."""
    value = root.get("templates")
    if value is None:
        return
    if not isinstance(value, dict) or len(value) > TEMPLATES_MAX:
        message = f"a mapping of at most {TEMPLATES_MAX} template ids to their channels"
        check.report(_INVALID, "templates", message)
        return
    for template_id, channel in value.items():
        if channel not in tuple(CHANNELS):
            place = f"templates.{template_id}"
            check.report(CampaignCode.CHANNEL_UNKNOWN, place, "one of " + ", ".join(CHANNELS))
    for place, template_id, used_on in _uses(steps):
        made_for = value.get(template_id, used_on)
        if made_for != used_on and made_for in tuple(CHANNELS):
            message = f"template {template_id} is for {made_for}, and the step is by {used_on}"
            check.report(_INVALID, place, message)


def _uses(steps: Sequence[Step]) -> Iterator[tuple[str, str, str]]:
    """The place, the id and the channel of each template that a step uses."""
    for index, step in enumerate(steps):
        place = f"steps[{index}]"
        if step.template_id:
            yield f"{place}.template_id", step.template_id, step.channel
        if step.experiment is not None:
            place = f"{place}.experiment"
            yield f"{place}.variant_a_template_id", step.experiment.template_a, step.channel
            yield f"{place}.variant_b_template_id", step.experiment.template_b, step.channel
