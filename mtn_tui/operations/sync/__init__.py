"""Copies of backups, brought from one store to the other."""
