"""The data formats: public events and commands, internal messages, states, facts and campaigns."""
