"""The database server: connections, identity, dumping from it, loading into it."""
