"""Checks that all which backups and restores need is there; each failure names its fix."""
