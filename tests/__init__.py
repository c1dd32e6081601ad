"""Short stories: given facts, when a message, then what is said."""
