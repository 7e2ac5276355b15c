"""Weekly and monthly reports: how the backups were against what was due."""
