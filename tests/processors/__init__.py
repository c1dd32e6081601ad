"""Stories of what the processors decide: given facts, when a message, then what is said."""
