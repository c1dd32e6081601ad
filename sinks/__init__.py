"""PostgreSQL: migrations, the projection of states and facts into tables, and queries."""
