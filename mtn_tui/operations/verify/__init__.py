"""Proves copies of backups and records how far each one holds."""
