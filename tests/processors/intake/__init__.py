"""Intake: from public records to messages."""
