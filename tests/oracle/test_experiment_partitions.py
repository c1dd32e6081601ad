"""A person has the same variant whatever the number of partitions, the order of an import, or the
moment at which he or she is added (C-21)."""

import random

from processors.shared.experiment_assignment import assign
from schemas.internal.topics import Layout
from tests.testing.builders import TENANT, tenant
from tests.testing.experiments import experiment, steps_with
from tests.testing.outreach import experiment_document, outreach_document
from tests.testing.outreach_desk import OutreachDesk
from tests.testing.outreach_orders import account, changed, published

PEOPLE = [f"c-{number}" for number in range(1, 25)]


def variants(partitions: int, order: list[str], *, activated_at: int = 0) -> dict[str, str]:
    """The variant of each person after an import in an order, during which the campaign was
    activated and its text was edited."""
    desk = OutreachDesk(Layout(contact=partitions))
    desk.deliver(tenant())
    desk.deliver(account("email"), account("linkedin"))
    desk.deliver(published(experiment_document()))
    for number, name in enumerate(order):
        if number == activated_at + 1:
            desk.deliver(changed("activated"))
            desk.deliver(published(outreach_document(name="Renamed", steps=steps_with())))
        desk.add(name)
    return {name: desk.assigned(name).variant for name in PEOPLE}


def test_the_number_of_partitions_and_the_order_of_an_import_change_no_variant() -> None:
    expected = {name: assign(TENANT, experiment(), name).variant for name in PEOPLE}
    assert set(expected.values()) == {"A", "B"}
    for partitions in (1, 3, 12):
        order = list(PEOPLE)
        random.Random(partitions).shuffle(order)
        assert variants(partitions, order, activated_at=partitions) == expected
