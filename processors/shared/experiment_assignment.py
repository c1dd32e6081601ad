"""Which variant of an experiment a person gets: by a hash, so that every replay, number of
partitions and order of an import gives the same one (C-21, S4-66)."""

from hashlib import blake2b

from schemas.campaigns.compiled_definition import Experiment
from schemas.internal.enrollment import Assignment

BUCKETS = 10_000
_PER_PERCENT = BUCKETS // 100


def bucket(*parts: str) -> int:
    """The bucket of some parts, from 0 to 9,999. Other parts have another one, because parts are
    prefixed by their length in characters."""
    text = "bucket" + "".join(f"\x1f{len(part)}:{part}" for part in parts)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) % BUCKETS


def assign(tenant_id: str, experiment: Experiment, subject: str) -> Assignment:
    """The variant of a person, who is named by the contact id.

    People of the holdout and those outside of the experiment's part of its layer have the empty
    variant. A split that grows by one moves only people of one hundredth.
    """
    own, split = bucket(tenant_id, experiment.id, "ab", subject), experiment.split
    if experiment.holdout and bucket(tenant_id, "holdout", subject) < (
        experiment.holdout * _PER_PERCENT
    ):
        return Assignment(experiment.id, "", own, split, "holdout")
    layer = experiment.layer
    if layer is not None:
        in_layer = bucket(tenant_id, "layer:" + layer.name, subject)
        if not layer.start <= in_layer < layer.end:
            return Assignment(experiment.id, "", own, split, "layer")
    return Assignment(experiment.id, "A" if own < split * _PER_PERCENT else "B", own, split)
