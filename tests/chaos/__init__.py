"""The engine on a real broker and database, disturbed while it processes traffic."""
