"""The incident of the runbook's 5.1: its state, its file, its steps and its report."""
