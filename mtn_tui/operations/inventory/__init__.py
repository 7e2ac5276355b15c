"""Which backups there are in the stores, how far each copy is proven, and which one is meant."""
