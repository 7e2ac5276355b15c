"""One file per screen; what it looks like lies beside it."""
