"""Messages and states of the internal logs."""
