"""Widgets that screens consist of."""
