"""Reads the log files of jobs and of the installation."""
