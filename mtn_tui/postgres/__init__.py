"""PostgreSQL: connections, identity, dumping, and loading."""
