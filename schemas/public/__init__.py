"""The public contract: events in, commands out, in JSON and Avro."""
