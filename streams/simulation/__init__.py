"""Campaigns before they run: the real processors under virtual time, without Kafka and PostgreSQL.

What is decided here is decided by the same code as in the engine; only the logs are gone, and time
goes from one moment at which something happens to the next.
"""
