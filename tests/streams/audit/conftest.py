"""A recording that several tests of the audit read."""

import pytest

from tests.histories import record
from tests.histories.record import WorldRecording


@pytest.fixture(scope="package")
def review() -> WorldRecording:
    """A recording of people in a review campaign, in memory. Tests read it and change copies."""
    return WorldRecording(record.review())
