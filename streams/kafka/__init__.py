"""The transport port over Kafka, and everything else that talks to a broker or registry."""
