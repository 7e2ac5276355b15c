"""What every operation stands on: the context, the stores, checks, labels and locks."""
