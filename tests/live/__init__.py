"""Tests of the engine on a real Kafka, PostgreSQL and registry."""
