"""The practice stack: a real PostgreSQL, a real S3 server, and the data of a school."""
