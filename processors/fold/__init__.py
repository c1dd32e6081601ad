"""The fold that every processor shares: task, state store, and one turn of a processor."""
