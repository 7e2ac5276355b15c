"""Makes backups and puts them into the stores."""
