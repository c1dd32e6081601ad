"""What an amendment changes of a touch that still waits: a command has the content of its send time
(C-36)."""

import msgspec

from schemas.internal.messages import AmendTouch, RequestTouch


def amended(touch: RequestTouch, order: AmendTouch) -> RequestTouch:
    """The touch as it is requested after an amendment."""
    return msgspec.structs.replace(
        touch,
        recipient=order.recipient,
        quiet=order.quiet,
        template_id=order.template_id,
        variables=order.variables,
        spelling=order.spelling,
        call=order.call or touch.call,
        experiment_id=order.experiment_id,
        variant=order.variant,
    )
