"""The transactional producer of one worker. At most one transaction is open, and each error of the
client gets one verdict (`streams/kafka/errors.py`)."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from streams.base.settings import Settings
from streams.base.transport import (
    CommitOutcomeUnknown,
    FatalClientError,
    Headers,
    TransactionAborted,
)
from streams.kafka.call_watchdog import Watchdog
from streams.kafka.clients import transactional_producer
from streams.kafka.errors import Verdict, fatal_error, verdict

log = logging.getLogger("touchstream.kafka")

INIT_TIMEOUT_S = 30.0
"""Longer than a coordinator needs to end the transaction of a dead predecessor, shorter than the
time after which the supervisor kills a process that does not answer."""

INIT_CALL_S = 5.0
INIT_PAUSE_S = 0.2
CALL_ATTEMPTS = 5
ABORT_FLUSH_S = 2.0


class TransactionalProducer:
    """A producer with the transactional id `identity`. The id is stable, so that a restarted worker
    aborts the transaction that its predecessor left open."""

    def __init__(self, settings: Settings, identity: str) -> None:
        self._settings, self._identity = settings, identity
        self._timeout_s = settings.transaction_timeout_ms / 2_000
        self._watchdog = Watchdog(self._timeout_s + 1)
        self._in_transaction = False
        self._connection_lost = False
        self._producer = self._new_producer()

    def send(
        self,
        name: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        timestamp_ms: int,
        headers: Headers | None,
    ) -> None:
        """Adds a record to the open transaction, or begins one with it; 0 means the current time.
        There is no delivery callback: the commit reports failures."""
        if not self._in_transaction:
            self._begin()
        while True:
            try:
                self._producer.produce(
                    name, value, key, partition, None, None, timestamp_ms, headers
                )
                return
            except BufferError:
                self._producer.poll(0.01)
            except KafkaException as error:
                self._raise_unless_retriable(error.args[0])

    def commit(self, offsets: Sequence[TopicPartition], group: object) -> None:
        """Flushes outputs and changelog records to their logs, adds the offsets of the consumer
        group `group` (its metadata), and commits the transaction. Raises TransactionAborted,
        CommitOutcomeUnknown or FatalClientError.

        The order matters, because offsets are accepted from a member of the group alone. The next
        owner of a partition therefore finds in its changelog every record that may still be
        committed, and waits for the end of that transaction.
        """
        self._begin()
        self._replace_if_disconnected()
        if self._flush():
            self.abort()
            raise TransactionAborted("records could not be written in time")
        self._call(self._producer.send_offsets_to_transaction, offsets, group, self._timeout_s)
        self._call(self._producer.commit_transaction, self._timeout_s, committing=True)
        self._in_transaction = False

    def _flush(self) -> int:
        """Delivers the records, and returns how many were not delivered in time."""
        try:
            left = self._watched(self._producer.flush, self._timeout_s)
        except KafkaException as error:  # the client has failed for good
            self._raise_unless_retriable(error.args[0])
            return 1
        return int(str(left))

    def abort(self) -> None:
        """Aborts the open transaction, if there is one. Raises FatalClientError."""
        if not self._in_transaction:
            return
        self._in_transaction = False
        try:
            # Produced records are delivered first: an abort that overtakes them leaves a gap in
            # the sequence numbers, or races with the adding of a partition, and the next
            # transaction fails. A record that is still in flight must not arrive after the abort,
            # where it would open a transaction that nobody ends: a new epoch refuses it.
            if self._watched(self._producer.flush, ABORT_FLUSH_S):
                self._replace_producer()
            else:
                self._watched(self._producer.abort_transaction, self._timeout_s)
        except KafkaException as error:
            if self._verdict_of(error.args[0]) is Verdict.FATAL:
                raise fatal_error("producer", error.args[0]) from error
            self._replace_producer()  # which aborts the transaction as well

    def _begin(self) -> None:
        if self._in_transaction:
            return
        with suppress(TransactionAborted):  # no transaction is open, so nothing is lost
            self._replace_if_disconnected()
        self._call(self._producer.begin_transaction)
        self._in_transaction = True

    def _replace_if_disconnected(self) -> None:
        """Replaces a producer that has lost its broker, and raises TransactionAborted: it may wait
        for ever for the group coordinator that it has cached (librdkafka issue 5511)."""
        self._producer.poll(0)
        if self._connection_lost:
            self._replace_producer()
            raise TransactionAborted("the connection was lost")

    def _on_error(self, error: KafkaError) -> None:
        if error.code() in _CONNECTION_LOST:
            self._connection_lost = True

    def _call(
        self, function: Callable[..., object], *arguments: object, committing: bool = False
    ) -> None:
        """Calls the producer, again while the verdict about its error is RETRY. Raises as
        `_raise_unless_retriable` does."""
        for _ in range(CALL_ATTEMPTS):
            try:
                self._watched(function, *arguments)
                return
            except KafkaException as error:
                self._raise_unless_retriable(error.args[0], committing)
        self._raise_unless_retriable(KafkaError(KafkaError._TIMED_OUT), committing)

    def _watched(self, function: Callable[..., object], *arguments: object) -> object:
        self._watchdog.begin()
        try:
            return function(*arguments)
        finally:
            self._watchdog.done()

    def _verdict_of(self, error: KafkaError) -> Verdict:
        found = verdict(error)
        log.warning(
            "producer error",
            extra={"error": error.str(), "code": error.name(), "verdict": found.name},
        )
        return found

    def _raise_unless_retriable(self, error: KafkaError, committing: bool = False) -> None:
        """Does what the verdict about `error` demands, and returns if that is RETRY. Raises
        TransactionAborted, FatalClientError, or CommitOutcomeUnknown after a commit."""
        found = self._verdict_of(error)
        if found is Verdict.ABORT:
            self.abort()
            raise TransactionAborted(error.str())
        if found is Verdict.REBUILD:
            self._replace_producer()
            raise (CommitOutcomeUnknown if committing else TransactionAborted)(error.str())
        if found is Verdict.FATAL:
            raise fatal_error("producer", error)

    def _replace_producer(self) -> None:
        """Makes a producer with a new epoch, which settles the open transaction before anything
        else is written: it is aborted, unless its commit was under way."""
        self._in_transaction = False
        self.serve()
        self._producer.purge()
        self._producer = self._new_producer()

    def _new_producer(self) -> Producer:
        self._connection_lost = False
        producer = transactional_producer(self._settings, self._identity, self._on_error)
        deadline_s = time.monotonic() + INIT_TIMEOUT_S
        while True:
            try:
                producer.init_transactions(INIT_CALL_S)
                return producer
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                producer.poll(0)
                log.warning("transactions cannot be initialised", extra={"error": error.str()})
                if error.fatal() or not error.retriable():
                    raise fatal_error("producer", error) from failure
                if time.monotonic() > deadline_s:
                    raise FatalClientError(
                        f"the transaction coordinator has not answered for {INIT_TIMEOUT_S:g} s: "
                        f"{error.str()}"
                    ) from failure
                time.sleep(INIT_PAUSE_S)

    def serve(self) -> None:
        """Lets the client report what it has noticed. Called now and then while nothing is sent."""
        self._producer.poll(0)

    def close(self) -> None:
        """Aborts the open transaction and ends the watchdog."""
        try:
            self.abort()
        except FatalClientError as error:
            log.warning("closed with an open transaction", extra={"error": error})
        self.serve()
        self._watchdog.close()


_CONNECTION_LOST = frozenset({KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN})
