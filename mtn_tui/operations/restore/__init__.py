"""Loads backups into databases, puts them in place of others, and undoes that."""
