"""Drills: restores that are tried, measured and dropped again."""
