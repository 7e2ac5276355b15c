"""The schedule: which runs there are, and cron, systemd or launchd that start them."""
