"""The real Kafka, PostgreSQL and schema registry on one machine, without Docker or a cloud."""
