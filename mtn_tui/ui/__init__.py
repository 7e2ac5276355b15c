"""The screens; everything that draws is in here, and nothing below imports it."""
