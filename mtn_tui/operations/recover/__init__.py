"""Copies lost rows back from a database that was restored beside production."""
