"""The same promises against a real Kafka, PostgreSQL and registry."""
