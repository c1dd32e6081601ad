"""Sweeps that go on bit by bit, while the partition folds the records of other contacts.

A partition that sweeps writes a SweepTurn into its own log. When that comes, behind all records
that have arrived meanwhile, the next contacts are visited and the next turn is asked for. So a
sweep takes the time that is left over, and yet depends on the log alone.

A contact whose record or timer comes before its turn is swept first, by every sweep that has not
reached it: nothing is decided by what was true before the sweep. Each sweep is applied as of the
moment of its announcement, whenever that happens. So it is one moment of the log, and the state of
a contact does not depend on the pace.
"""

from collections.abc import Iterator, Mapping, Sequence

from processors.contact.contact_lists import in_campaign
from processors.contact.context import Context
from processors.contact.run_counts import answer_request
from processors.contact.sweep_effects import AMEND, apply_sweep
from processors.fold.turn import Turn
from schemas.base.times import MILLISECOND, SECOND, MomentUs
from schemas.internal.known_states import Sweep, Sweeps
from schemas.internal.messages import SWEEP_KEY, CountsRequested, SweepTurn
from schemas.internal.states import Contact, KnownCampaign, KnownTenant
from schemas.internal.topics import Topic

TURN_US = 40 * MILLISECOND
"""The time from turn to turn that a sweep aims at, by the number of contacts that it visits in one:
records of other contacts wait about as long."""

SIZE_MIN, SIZE_MAX = 25, 1_000
"""The fewest contacts of a turn, which are also those of the first one, and the most. A turn has at
most half as many again as the one before it: all partitions of a worker begin a sweep at the same
time, and each notices only afterwards how long the turns of all of them take."""

RATE_MIN = 200
"""So many contacts a second are visited however busy the partition is, unless SIZE_MAX is less."""

_STATE = b"\x00s"
_COUNTS = "counts"
"""The name of a request for the counts that waits for the sweeps before it."""


def begin_paced(
    turn: Turn,
    campaign: KnownCampaign,
    name: str,
    cause: str,
    move_from: int | None,
    move_steps: Mapping[str, str | None] | None,
) -> None:
    """Begins a sweep behind the earlier ones of the campaign."""
    ids = (campaign.tenant_id, campaign.campaign_id)
    sweep = Sweep(0, *ids, name, cause, turn.now, version=campaign.version)
    sweep.move_from, sweep.move_steps = move_from, dict(move_steps or {})
    _append(turn, sweep)


def counts_requested(turn: Turn, message: CountsRequested) -> None:
    """Reports the counts of a campaign, after the sweeps that were announced before the request."""
    ids = (message.tenant_id, message.campaign_id)
    if is_sweeping(turn, message):
        _append(turn, Sweep(0, *ids, _COUNTS, "", turn.now, request=message.request))
    else:
        answer_request(turn, *ids, message.request)


def is_sweeping(turn: Turn, campaign: KnownCampaign | CountsRequested) -> bool:
    """Whether a paced sweep of the campaign is not over."""
    return any(_is_of_campaign(each, campaign) for each in _queue(turn))


def _queue(turn: Turn) -> Sequence[Sweep]:
    sweeps = turn.store.read(_STATE, Sweeps)
    return () if sweeps is None else sweeps.queue


def _append(turn: Turn, sweep: Sweep) -> None:
    sweeps = turn.store.edit(_STATE, Sweeps)
    if sweeps is None:
        sweeps = Sweeps()
        turn.store.put(_STATE, sweeps)
    sweeps.number += 1
    sweep.number = sweeps.number
    if not sweeps.queue:
        sweeps.turned_at, sweeps.size = turn.now, SIZE_MIN
        _ask_for_turn(turn, sweeps)
    before = [each for each in sweeps.queue if _is_of_campaign(each, sweep)]
    again = before and sweep.name == AMEND == before[-1].name and not before[-1].cursor
    if again and not sweeps.alone:
        sweeps.queue.remove(before[-1])  # the later one does the same, to the newest version
    sweeps.queue.append(sweep)


def _is_of_campaign(sweep: Sweep, other: Sweep | KnownCampaign | CountsRequested) -> bool:
    return sweep.campaign_id == other.campaign_id and sweep.tenant_id == other.tenant_id


def _ask_for_turn(turn: Turn, sweeps: Sweeps) -> None:
    sweeps.turns += 1
    for is_check in (False, True):
        message = SweepTurn(sweeps.turns, is_check)
        turn.send(Topic.CONTACT_LOG, SWEEP_KEY, message, turn.partition)


# the turn of the sweeps


def have_turn(turn: Turn, message: SweepTurn) -> None:
    """Visits the next contacts. The check behind a turn does nothing unless the turn has failed:
    the contacts of that turn are then visited one by one, and who fails alone is left out."""
    known = turn.store.read(_STATE, Sweeps)
    if known is None or (message.is_check and known.done >= message.number):
        return
    sweeps = turn.store.edit(_STATE, Sweeps)
    assert sweeps is not None
    if not message.is_check:
        _visit_next(turn, sweeps)
    elif not sweeps.alone:
        sweeps.alone = 2 * sweeps.size
    else:
        _leave_one_out(turn, sweeps)
    sweeps.done = max(sweeps.done, message.number)
    if sweeps.queue and message.number == sweeps.turns:
        _ask_for_turn(turn, sweeps)


def _visit_next(turn: Turn, sweeps: Sweeps) -> None:
    """Visits the next contacts of the first sweep, and when it is over those of the next ones. Then
    the sweeps of other campaigns have the next turn."""
    if sweeps.alone:
        left, sweeps.alone = 1, sweeps.alone - 1
    else:
        left = sweeps.size = turn_size(sweeps, turn.now)
    sweeps.turned_at = turn.now
    while sweeps.queue and left > 0:
        sweep = sweeps.queue[0]
        if sweep.name == _COUNTS:
            answer_request(turn, sweep.tenant_id, sweep.campaign_id, sweep.request)
            is_over, left = True, left - 1
        else:
            left -= _visit(turn, sweep, left)
            is_over = left > 0
        if is_over:
            del sweeps.queue[0]
            left -= 1
    if sweeps.queue:
        first = sweeps.queue[0]
        sweeps.queue.sort(key=lambda each: _is_of_campaign(each, first))


def turn_size(sweeps: Sweeps, now: MomentUs) -> int:
    """How many contacts the turn at `now` visits: by how long the one before it has taken, with all
    that was folded between the two. This is the time of the log, so it depends on the log alone."""
    took, size = now - sweeps.turned_at, sweeps.size
    by_time = min(max(size * TURN_US // max(took, 1), size // 2), size * 3 // 2)
    return min(max(by_time, SIZE_MIN, took * RATE_MIN // SECOND), SIZE_MAX)


def _visit(turn: Turn, sweep: Sweep, most: int) -> int:
    """Visits the next contacts of a sweep and returns how many: fewer than `most` at the end."""
    visited = 0
    for key, contact in _next_contacts(turn, sweep):
        if contact.swept < sweep.number:
            edited = turn.store.edit(key, Contact)
            assert edited is not None
            open_contact(turn, key, edited)
        sweep.cursor = key
        visited += 1
        if visited == most:
            break
    turn.visited += visited
    return visited


def _next_contacts(turn: Turn, sweep: Sweep) -> Iterator[tuple[bytes, Contact]]:
    """The contacts after the cursor that have had a run in the campaign, with their keys."""
    name = in_campaign(sweep.tenant_id, sweep.campaign_id)
    for key in turn.store.listed(name, sweep.cursor):
        contact = turn.store.read(key, Contact)
        if contact is not None and sweep.campaign_id in contact.cycles:
            yield key, contact


def _leave_one_out(turn: Turn, sweeps: Sweeps) -> None:
    """Goes on after the contact whose visit has failed. The gates of its touches still see the
    status of the campaign."""
    for sweep in sweeps.queue[:1]:
        sweep.cursor = next((key for key, _ in _next_contacts(turn, sweep)), sweep.cursor)


# contacts that are opened


def open_contact(
    turn: Turn, key: bytes, contact: Contact, tenant: KnownTenant | None = None
) -> Context:
    """Opens a contact for a decision, after the sweeps that have not reached it. Every record and
    every timer of a contact begins here."""
    context = Context(turn, key, contact, tenant)
    sweeps = turn.store.read(_STATE, Sweeps)
    if sweeps is not None and sweeps.queue:
        _catch_up(context, sweeps)
    return context


def _catch_up(context: Context, sweeps: Sweeps) -> None:
    contact = context.contact
    pending = [
        each
        for each in sweeps.queue
        if each.tenant_id == context.tenant_id
        and each.cursor < context.key
        and each.number > contact.swept
        and each.name != _COUNTS
    ]
    if not pending:
        return
    now = context.now
    for sweep in sorted(pending, key=lambda each: each.number):
        campaign = context.campaign(sweep.campaign_id)
        assert campaign is not None, "a sweep is of a known campaign"
        if any(run.campaign_id == sweep.campaign_id for run in contact.enrollments):
            _set_time(context, sweep.at)
            apply_sweep(context, campaign, sweep)
    _set_time(context, now)
    contact.swept = sweeps.number


def _set_time(context: Context, moment: MomentUs) -> None:
    context.now = context.turn.now = moment
