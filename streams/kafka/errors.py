"""A client error becomes one of few meanings, each a single thing to do (style 8; design 4)."""

from enum import Enum

from confluent_kafka import KafkaError


class Verdict(Enum):
    """What to do about a Kafka client error."""

    RETRY = "call again"
    ABORT = "throw the transaction away, rewind, fold again"
    REBUILD = "the outcome is unknown: a new producer epoch before anything else"
    DIE = "fenced or broken: let a clean process start"


_OUTCOME_UNKNOWN = frozenset(
    {KafkaError._TIMED_OUT, KafkaError._TIMED_OUT_QUEUE, KafkaError.REQUEST_TIMED_OUT}
)
_FENCED = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)
_GENERATION_OVER = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
    }
)


def verdict(error: KafkaError, *, committing: bool = False) -> Verdict:
    """What `error` means. `committing` says that the commit itself was under way: a timeout then
    may have counted."""
    code = error.code()
    if error.fatal() or code in _FENCED:
        return Verdict.DIE
    if error.txn_requires_abort() or code in _GENERATION_OVER:
        return Verdict.ABORT
    if code in _OUTCOME_UNKNOWN:
        return Verdict.REBUILD if committing else Verdict.RETRY
    return Verdict.RETRY if error.retriable() else Verdict.DIE


_READER_DIES = frozenset(
    {
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError._FATAL,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError._AUTO_OFFSET_RESET,
    }
)


def reader_dies(error: KafkaError) -> bool:
    """Whether a consumer with this error will never read again: `fatal()` alone does not say so of
    a fatal error that comes as an event."""
    return bool(error.fatal()) or error.code() in _READER_DIES
