"""Checks, before anything is made, whether a backup can be restored on a server."""
