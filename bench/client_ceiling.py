"""The throughput of the Kafka client alone on one core: the upper limit of every engine on it."""

from confluent_kafka import Consumer

from bench.harness import Measurement, Stopwatch
from schemas.internal.topics import Topic
from streams.base.settings import Settings
from streams.kafka.clients import transactional_producer

BATCH = 1_000
COMMIT_EVERY = 20_000


def consume(settings: Settings, number: int) -> Measurement:
    """Consumes all records in batches and does nothing with them."""
    consumer = _consumer(settings)
    watch, done = Stopwatch(), 0
    while done < number:
        messages = consumer.consume(BATCH, 0.1)
        if not done:
            watch.start()
        done += len(messages)
    spent = watch.measure(number)
    consumer.close()
    return spent


def copy(settings: Settings, number: int) -> Measurement:
    """Consumes and produces each record, in transactions of `COMMIT_EVERY` records with their
    offsets."""
    consumer, name = _consumer(settings), settings.topic_prefix + Topic.FACTS
    producer = transactional_producer(settings, settings.topic_prefix + "limit")
    producer.init_transactions(15)
    producer.begin_transaction()
    watch, done, uncommitted = Stopwatch(), 0, 0
    while done < number:
        messages = consumer.consume(BATCH, 0.1)
        if not done:
            watch.start()
        for message in messages:
            producer.produce(name, message.value(), message.key())
        done += len(messages)
        uncommitted += len(messages)
        if uncommitted >= COMMIT_EVERY or done == number:
            positions = [p for p in consumer.position(consumer.assignment()) if p.offset >= 0]
            producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata(), 15)
            producer.commit_transaction(15)
            producer.begin_transaction()
            uncommitted = 0
    spent = watch.measure(number)
    consumer.close()
    return spent


def _consumer(settings: Settings) -> Consumer:
    group = settings.topic_prefix + "limit"
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "group.id": group,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.queue.backoff.ms": 1,
        }
    )
    consumer.subscribe([settings.topic_prefix + Topic.CONTACT_LOG])
    return consumer
