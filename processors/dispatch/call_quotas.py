"""How many calls begin in a time: the limits of a tenant's channel and of a campaign, which every
other channel has too (C-38), counted by the owner of a call pool.

A tenant that has set no limit has none here: its slots limit its calls (C-20). A command that is
repeated counts once.
"""

from processors.dispatch.call_limits import call_of
from processors.dispatch.send_logs import Counting
from processors.fold.turn import Turn
from processors.shared.limit_rules import LoggedRule
from processors.shared.limit_scopes import ScopedRules, campaign_scopes
from processors.shared.sender_rules import NO_RULES, tenant_rules
from processors.shared.tenant_lookup import campaign_limits_key
from schemas.internal.call_states import is_new_call
from schemas.internal.messages import RequestTouch
from schemas.internal.sender_states import KnownCampaignLimits
from schemas.internal.states import KnownTenant


def quota_rules(turn: Turn, tenant: KnownTenant | None, touch: RequestTouch) -> list[LoggedRule]:
    """The limits of a call, each with the calls that it counts; empty for a repeated command."""
    if touch.emission > 1:
        return []
    return [logged for counting in _countings(turn, tenant, touch) for logged in counting.logged()]


def count_call(turn: Turn, tenant: KnownTenant | None, touch: RequestTouch) -> None:
    """Counts a call that gets a slot, unless its command is a repeated one."""
    if touch.emission > 1:
        return
    for counting in _countings(turn, tenant, touch):
        counting.add(turn.now, turn.now)


def _countings(turn: Turn, tenant: KnownTenant | None, touch: RequestTouch) -> list[Counting]:
    key = campaign_limits_key(touch.tenant_id, touch.campaign_id)
    limits = turn.store.read(key, KnownCampaignLimits)
    scopes = campaign_scopes(limits, touch.campaign_id, is_new_call(touch))
    if tenant is not None:
        per_hour = tenant.limits.get(touch.channel)
        more = tenant.more_limits.get(touch.channel)
        if per_hour is not None or more is not None:
            scopes = [ScopedRules("t", tenant_rules(more, per_hour, tenant.timezone)), *scopes]
    pool_id = call_of(touch).pool_id
    return [
        Counting(turn.store, touch.tenant_id, touch.channel, f"p\0{pool_id}\0{scope}", rules)
        for scope, rules in scopes
        if rules is not NO_RULES
    ]
