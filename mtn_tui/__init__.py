"""MTN TUI: backups of a PostgreSQL database that are proven to restore."""

__version__ = "0.1.0"
