"""The motion: the loop over Kafka, the command line, and the engine that runs on one laptop."""
