"""The real engine on a real broker and database, disturbed on purpose while traffic flows."""
