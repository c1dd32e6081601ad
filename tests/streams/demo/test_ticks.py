"""With a fast clock timers fire on time by ticks: if no record comes, each timer causes a tick
(promise 2)."""

from schemas.base.times import HOUR, SECOND
from schemas.internal.facts import FactKind
from tests.testing.builders import job, publish, tenant
from tests.testing.world import START, World

GAP = SECOND // 10


def test_timers_close_together_fire_each_at_its_time() -> None:
    world = World()
    world.append(tenant())
    world.settle()
    world.append(publish(settings={"quiet_hours": "none"}))
    world.settle()
    for number in range(5):
        at = START + number * GAP
        world.append(job(f"j{number}", contact_id=f"c-{number}", completed_at=at))
    world.settle()
    # The worker turns once at each due time, so a tick that has to wait would be late.
    for number in range(5):
        world.now = START + 24 * HOUR + number * GAP
        world.settle()
    requested = world.facts(FactKind.TOUCH_REQUESTED)
    assert len(requested) == 5
