"""A practice stack: a real PostgreSQL, a real S3 server, a school's data."""
