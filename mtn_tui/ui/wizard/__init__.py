"""The emergency: steps 1 to 8 of the runbook's 5.1, one file each, and what they stand in."""
