"""The example of a set-up is one, and shows an account for each kind of limits."""

from pathlib import Path

from streams.simulation.platform_setup import PlatformSetup
from tests.testing.repository_files import ROOT

EXAMPLE = Path(ROOT, "examples/setup.yaml")


def test_the_example_of_a_setup_is_valid_and_has_the_defaults_of_the_channels() -> None:
    setup = PlatformSetup.read(EXAMPLE.read_bytes())
    calls = setup.tenants["acme"].calls
    assert calls is not None and (calls.slots, calls.agents["agent-7"]) == (3, 2)
    assert setup.pools["calls"].weights == {"acme": 2}
    accounts = {sender_id: order.sender for (_, sender_id), order in setup.senders.items()}
    ann = accounts["ann@acme.com"].limits[""]
    assert (ann.per_hour, ann.per_day, ann.spacing_us) == (200, 400, 30_000_000)
    assert accounts["ben@acme.com"].warm_up == (5, 2, 50)
    linkedin = accounts["ann-lee"].limits
    assert linkedin["send_connection_request"].per_week == 80
    assert linkedin["send_inmail"].per_month is None  # premium
