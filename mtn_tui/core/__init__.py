"""Foundations used by every other package: no sockets, no child processes, no Textual."""
