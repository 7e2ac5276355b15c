"""Wording: how backups, jobs and log lines are written in a terminal's cells."""
