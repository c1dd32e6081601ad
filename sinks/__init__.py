"""The memory: what PostgreSQL keeps, and the place up to which it has read."""
