"""The campaign processor: validates and versions definitions, keeps their lifecycle, and tells
every partition.

Its log is keyed by tenant, so that one campaign per service type (C-4) is decided in one place.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from processors.campaign import lifecycle, publishing, tenants
from processors.fold.task import Record
from processors.fold.turn import Turn
from schemas.internal import messages as m
from schemas.internal.states import CampaignState, State
from schemas.internal.topics import Layout


class CampaignProcessor:
    """A pure fold over campaign-log (design 1, 2). `layout` says which partitions there are to
    tell."""

    decode_state: Callable[[bytes], State] = staticmethod(
        msgspec.msgpack.Decoder(CampaignState).decode
    )

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def apply(self, turn: Turn, record: Record) -> None:
        """One record of campaign-log."""
        message = m.decode_campaign(record.value)
        match message:
            case m.PublishCampaign():
                publishing.publish(turn, self.layout, message)
            case m.CampaignAcknowledged():
                publishing.known(turn, self.layout, message)
            case m.ChangeCampaign():
                lifecycle.change(turn, self.layout, message)
            case m.UpsertTenant():
                tenants.upsert(turn, self.layout, message)
            case m.DeleteTenant():
                tenants.delete(turn, self.layout, message)
            case m.MoveRuns():
                publishing.move_runs(turn, self.layout, message)
            case m.DeleteTemplate():
                tenants.delete_template(turn, self.layout, message)
            case m.Tick():
                pass

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        """No campaign waits for a time yet."""
