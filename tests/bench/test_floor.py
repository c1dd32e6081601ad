"""A floor is of the same bytes as its fold."""

import pytest

from bench import floor


@pytest.mark.parametrize("make", [floor.reviews, floor.mixed, floor.dispatched, floor.swept])
def test_a_floor_ends_with_the_states_and_the_output_bytes_of_its_fold(make: floor.Make) -> None:
    recording = make(60)
    folds, floors = floor.fold_in_turn(recording)  # raises where they differ
    assert len(folds) == len(floors) == len(recording.batches)
    assert recording.number >= 60
    assert all(batch.outputs or batch.changes for batch in recording.batches[1:])


def test_a_sweep_of_the_floor_visits_every_contact() -> None:
    recording = floor.swept(60)
    publish = {key for batch in recording.batches for key, _ in batch.changes}
    assert publish >= {key for key, _ in recording.restored if key[:1] != b"\x00"}
