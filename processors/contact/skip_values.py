"""The values of a `touch.skipped` fact: what its reason was decided on (X-3)."""

from typing import Any

from processors.contact.call_terms import CALL_GATES, call_gate_values
from processors.contact.context import Context
from processors.contact.experiment_templates import TAKES_NO_PART, assignment_values
from processors.contact.skip_conditions import preferred_channel
from processors.shared.tenant_lookup import ADDRESS_OF
from schemas.campaigns.campaign_kinds import CONDITIONS
from schemas.internal.enrollment import Enrollment, Touch
from schemas.internal.facts import fact_time

_OPTED_OUT = "opted_out_"


def skip_values(
    context: Context, enrollment: Enrollment, touch: Touch, reason: str
) -> dict[str, Any] | None:
    """The values behind the reason of a skipped touch.

    None for reasons that end the whole enrollment: its own fact holds their cause.
    """
    match reason:
        case "no_address":
            return {"field": ADDRESS_OF[touch.channel]}
        case "no_template":
            step = context.step(enrollment, touch)
            template = context.newest_template(enrollment, step)
            return {"template_id": template.template_id, "version": template.version}
        case "channel_not_preferred":
            outreach = context.definition(enrollment).outreach
            preference = () if outreach is None else outreach.channel_preference
            return {"preferred": preferred_channel(context, preference)}
        case _ if reason in TAKES_NO_PART.values():
            step = context.step(enrollment, touch)
            assignment = context.newest_template(enrollment, step).assignment
            return None if assignment is None else assignment_values(assignment)
        case "late_after_pause" | "collapsed":
            return {"scheduled_at": fact_time(touch.scheduled_at)}
        case "address_bounced":
            return _moment_value("bounced_at", context.bounced_at(touch.channel))
        case "no_window":
            step, definition = context.step(enrollment, touch), context.definition(enrollment)
            values = {"window": context.window(definition, step)}
            hours = context.call_hours(definition, step)
            return values if hours is None else {**values, "call_hours": hours}
        case _ if reason in CALL_GATES:
            return call_gate_values(context, enrollment, touch, reason)
        case _ if reason in CONDITIONS:
            return {"skip_when": reason}
        case _ if reason.startswith(_OPTED_OUT):
            scope, contact = reason.removeprefix(_OPTED_OUT), context.contact
            if scope in contact.opted_out:
                return _moment_value("opted_out_at", contact.opted_out[scope])
            # The person has agreed again while dispatch was taking the touch back.
            return _moment_value("resubscribed_at", contact.resubscribed.get(scope))
    return None


def _moment_value(name: str, at: int | None) -> dict[str, Any] | None:
    return None if at is None else {name: fact_time(at)}
