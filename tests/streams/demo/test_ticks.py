"""A time lapse lives by ticks: where nothing else comes, each timer brings its own (design 2.2)."""

from schemas.base.times import HOUR, SECOND
from schemas.internal.facts import FactKind
from tests.testing.builders import job, publish, tenant
from tests.testing.world import START, World

GAP = SECOND // 10


def test_timers_a_moment_apart_fire_each_in_its_time() -> None:
    world = World()
    world.append(tenant())
    world.settle()
    world.append(publish(settings={"quiet_hours": "none"}))
    world.settle()
    for number in range(5):
        at = START + number * GAP
        world.append(job(f"j{number}", contact_id=f"c-{number}", completed_at=at))
    world.settle()
    # The worker turns at each due moment once: a tick that had to wait would be late for good.
    for number in range(5):
        world.now = START + 24 * HOUR + number * GAP
        world.settle()
    requested = world.facts(FactKind.TOUCH_REQUESTED)
    assert len(requested) == 5
