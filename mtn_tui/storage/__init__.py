"""Where backups live: one contract, a folder and an S3 bucket that keep it."""
