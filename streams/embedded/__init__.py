"""Real Kafka, PostgreSQL and schema registry servers as child processes, without Docker."""
