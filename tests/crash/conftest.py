"""What all crash tests share."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from processors.contact import paced_sweeps


@pytest.fixture(autouse=True, scope="package")
def _sweeps_visit_one_contact_in_a_turn() -> Iterator[None]:
    """In small worlds a sweep would be over in one turn, and nothing could come between."""
    with patch.object(paced_sweeps, "turn_size", lambda *_: 1):
        yield
