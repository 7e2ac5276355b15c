"""The file format: gzip members inside ``openssl enc``, with a signed manifest beside it."""
