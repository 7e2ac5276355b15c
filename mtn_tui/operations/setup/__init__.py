"""Makes an installation: its configuration, its folders, its people and its key."""
