"""Field types, times, time zones, ids and error codes for all schemas."""
