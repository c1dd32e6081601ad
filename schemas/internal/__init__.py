"""What only the engine reads and writes: topics, log messages, states, facts."""
