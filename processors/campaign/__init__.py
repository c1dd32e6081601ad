"""The campaign processor: validates and versions definitions, keeps the status of campaigns and the
settings of tenants, sender accounts and call pools, and announces them to every partition.

campaign-log is keyed by tenant, so that one task sees all campaigns of a service type (C-4). Call
pools belong to the platform, whose key is `*`.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from processors.campaign import (
    completion,
    experiments,
    migration,
    publishing,
    senders,
    status_orders,
    tenants,
)
from processors.fold.key_lists import ListsOf, in_no_list
from processors.fold.task import Record
from processors.fold.turn import Turn
from schemas.internal import messages as m
from schemas.internal.states import CampaignState, State
from schemas.internal.topics import Layout


class CampaignProcessor:
    """A pure fold over campaign-log (promise 1). `layout` has the partitions that announcements go
    to."""

    decode_state: Callable[[bytes], State] = staticmethod(
        msgspec.msgpack.Decoder(CampaignState).decode
    )

    lists_of: ListsOf = staticmethod(in_no_list)

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def apply(self, turn: Turn, record: Record) -> None:
        """Folds one record of campaign-log."""
        message = m.decode_campaign(record.value)
        match message:
            case m.RunsCounted():
                completion.runs_counted(turn, self.layout, message)
            case m.PublishCampaign():
                publishing.publish(turn, self.layout, message)
            case m.CampaignAcknowledged():
                publishing.acknowledged(turn, self.layout, message)
            case m.ChangeCampaign():
                status_orders.change(turn, self.layout, message)
            case m.MoveRuns():
                migration.move_runs(turn, self.layout, message)
            case m.PauseByFailures():
                completion.pause_by_failures(turn, self.layout, message)
            case m.WinnerAcknowledged():
                experiments.acknowledged_winner(turn, self.layout, message)
            case m.Tick():
                pass
            case _:
                self._apply_to_tenants(turn, message)

    def _apply_to_tenants(self, turn: Turn, message: m.CampaignMessage) -> None:
        match message:
            case m.UpsertTenant():
                tenants.upsert(turn, self.layout, message)
            case m.DeleteTenant():
                tenants.delete(turn, self.layout, message)
            case m.ReopenAddress():
                tenants.reopen_address(turn, self.layout, message)
            case m.DeleteTemplate():
                tenants.delete_template(turn, self.layout, message)
            case _:
                self._apply_to_senders(turn, message)

    def _apply_to_senders(self, turn: Turn, message: m.CampaignMessage) -> None:
        match message:
            case m.UpsertSender():
                senders.upsert(turn, message)
            case m.RemoveSender():
                senders.remove(turn, message)
            case m.ThrottleSender():
                senders.throttle(turn, message)
            case m.ReportUsage():
                senders.report_usage(turn, message)
            case m.ReportComplaints():
                senders.report_complaints(turn, message)
            case m.UpsertPool():
                senders.upsert_pool(turn, self.layout, message)

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        """Does what is due of a campaign: only campaigns have timers here."""
        completion.fire(turn, self.layout, state)
