"""Carries messages to people: by e-mail, webhook and the system's log, kept until they arrive."""
