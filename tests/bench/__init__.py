"""The scripts' pipelines and ours, timed side by side in one run: ``python -m tests.bench backup``."""
