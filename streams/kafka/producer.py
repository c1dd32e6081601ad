"""The transactional producer of one worker: one transaction at most is open, and each error of the
client has one verdict (design 4)."""

import logging
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
from streams.kafka.errors import Verdict, verdict

log = logging.getLogger("touchstream.kafka")

INIT_TIMEOUT_S = 15.0
FLUSH_S = 2.0


class Transactions:
    """`identity` is the transactional id: stable, so that a new start aborts what the old one left
    open."""

    def __init__(self, settings: Settings, identity: str) -> None:
        self._settings, self._identity = settings, identity
        self._timeout_s = settings.transaction_timeout_ms / 2_000
        self._watchdog = Watchdog(self._timeout_s + 1)
        self._open = False
        self._disturbed = False
        self._producer = self._new_producer()

    def send(
        self,
        name: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        stamp: int,
        headers: Headers | None,
    ) -> None:
        """No delivery callback: the commit reports failure."""
        if not self._open:
            self._begin()
        while True:
            try:
                self._producer.produce(name, value, key, partition, None, None, stamp, headers)
                return
            except BufferError:
                self._producer.poll(0.01)
            except KafkaException as error:
                self._act(self._meaning(error.args[0]), error.args[0])

    def commit(self, places: Sequence[TopicPartition], group: object) -> None:
        """Outputs and state stand in their logs before the offsets are added: then all or nothing.

        In that order, because offsets are taken from a member of the group alone. So whoever has
        the partition next finds in its changelog everything that could still be committed, open or
        not, and waits for the end of it.
        """
        self._begin()
        self._settle_disturbance()
        if self._watched(self._producer.flush, self._timeout_s):
            self.abort()
            raise TransactionAborted("not everything could be written in time")
        self._call(self._producer.send_offsets_to_transaction, places, group, self._timeout_s)
        self._call(self._producer.commit_transaction, self._timeout_s, committing=True)
        self._open = False

    def abort(self) -> None:
        """Nothing of the open transaction ever happened. Raises Dead."""
        if not self._open:
            return
        self._open = False
        try:
            # What was produced is delivered first: an abort that overtakes it leaves a gap in the
            # sequence, or races with a partition being added, and the next transaction pays for it.
            # What is still on its way then must not arrive after the abort, where it would open a
            # transaction that nobody ends: a new epoch refuses it.
            if self._watched(self._producer.flush, FLUSH_S):
                self._rebuild()
            else:
                self._watched(self._producer.abort_transaction, self._timeout_s)
        except KafkaException as error:
            if self._meaning(error.args[0]) is Verdict.DIE:
                raise FatalClientError(f"producer: {error.args[0].str()}") from error
            self._rebuild()  # which aborts it as well

    def _begin(self) -> None:
        if self._open:
            return
        with suppress(TransactionAborted):  # there was nothing to abort
            self._settle_disturbance()
        self._call(self._producer.begin_transaction)
        self._open = True

    def _settle_disturbance(self) -> None:
        """A producer that lost its broker may wait for ever for the group's coordinator that it
        remembers (librdkafka's issue 5511): a new one asks anew."""
        self._producer.poll(0)
        if self._disturbed:
            self._rebuild()
            raise TransactionAborted("the connection was lost")

    def _on_error(self, error: KafkaError) -> None:
        if error.code() in _CONNECTION_LOST:
            self._disturbed = True

    def _call(
        self, function: Callable[..., object], *arguments: object, committing: bool = False
    ) -> None:
        """One call of the producer, again while its error says so; any other verdict is raised."""
        for _ in range(5):
            try:
                self._watched(function, *arguments)
                return
            except KafkaException as error:
                meaning = self._meaning(error.args[0])
                if meaning is not Verdict.RETRY:
                    self._act(meaning, error.args[0], committing)
        self._act(Verdict.REBUILD, KafkaError(KafkaError._TIMED_OUT), committing)

    def _watched(self, function: Callable[..., object], *arguments: object) -> object:
        self._watchdog.begin()
        try:
            return function(*arguments)
        finally:
            self._watchdog.done()

    def _meaning(self, problem: KafkaError) -> Verdict:
        meaning = verdict(problem, committing=True)  # a call that timed out is not called again
        log.warning(
            "producer error",
            extra={"error": problem.str(), "code": problem.name(), "verdict": meaning.name},
        )
        return meaning

    def _act(self, meaning: Verdict, problem: KafkaError, committing: bool = False) -> None:
        if meaning is Verdict.ABORT:
            self.abort()
            raise TransactionAborted(problem.str())
        if meaning is Verdict.REBUILD:
            self._rebuild()
            raise (CommitOutcomeUnknown if committing else TransactionAborted)(problem.str())
        if meaning is Verdict.DIE:
            raise FatalClientError(f"producer: {problem.str()}")

    def _rebuild(self) -> None:
        """A new epoch: what was open is settled before anything else is written. Aborted, unless
        its commit was under way."""
        self._open = False
        self._producer.purge()
        self._producer = self._new_producer()

    def _new_producer(self) -> Producer:
        self._disturbed = False
        made = transactional_producer(self._settings, self._identity, self._on_error)
        for _ in range(40):
            try:
                made.init_transactions(INIT_TIMEOUT_S)
                return made
            except KafkaException as error:
                problem: KafkaError = error.args[0]
                log.warning("init_transactions", extra={"error": problem.str()})
                if problem.fatal() or not problem.retriable():
                    raise FatalClientError(f"producer: {problem.str()}") from error
        raise FatalClientError("the transaction coordinator does not answer")

    def close(self) -> None:
        """An open transaction is aborted."""
        try:
            self.abort()
        except FatalClientError as error:
            log.warning("left with an open transaction", extra={"error": error})
        self._watchdog.close()


_CONNECTION_LOST = frozenset({KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN})
