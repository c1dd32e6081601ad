"""The transport port without Kafka: logs in memory, for tests."""
