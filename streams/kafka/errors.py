"""The verdict about an error of the Kafka client: one of four things to do."""

from enum import Enum

from confluent_kafka import KafkaError

from streams.base.transport import FatalClientError, Fenced


class Verdict(Enum):
    """The reaction to an error of the Kafka client."""

    RETRY = "call again"
    ABORT = "throw the transaction away, rewind, fold again"
    REBUILD = "the outcome is unknown: a new producer epoch before anything else"
    FATAL = "fenced or broken: let a clean process start"


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


def verdict(error: KafkaError) -> Verdict:
    """The verdict about an error of a producer's call. A call that has timed out may have had its
    effect, so it is never called again."""
    code = error.code()
    if error.fatal() or code in _FENCED:
        return Verdict.FATAL
    if error.txn_requires_abort() or code in _GENERATION_OVER:
        return Verdict.ABORT
    if code in _OUTCOME_UNKNOWN:
        return Verdict.REBUILD
    return Verdict.RETRY if error.retriable() else Verdict.FATAL


_FATAL_FOR_CONSUMER = frozenset(
    {
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError._FATAL,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError._AUTO_OFFSET_RESET,
    }
)


def fatal_error(client: str, error: KafkaError) -> FatalClientError:
    """The exception for an error after which `client` can do nothing more. An error event of the
    consumer has the code _FATAL, so its text decides whether it is fenced."""
    fenced = error.code() in _FENCED or "fenced" in error.str().lower()
    return (Fenced if fenced else FatalClientError)(f"{client}: {error.str()}")


def is_fatal_for_consumer(error: KafkaError) -> bool:
    """Whether a consumer with this error will never read again. `error.fatal()` alone is not
    enough: it is false for a fatal error that arrives as an event."""
    return bool(error.fatal()) or error.code() in _FATAL_FOR_CONSUMER
